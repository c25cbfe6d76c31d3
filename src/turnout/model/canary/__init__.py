"""The documents of canary analysis: configuration, request, samples and result.

Their JSON is that of Spinnaker's Kayenta, with some optional fields of our own, so that documents
can be exchanged in both directions. Pure, and without numpy: everybody may import this package.
"""
