"""How the database of every earlier release becomes the one of this release. Only
`turnout.store.migration` runs it."""
