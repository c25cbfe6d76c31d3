# Runs one command in the foreground of a session of its own and keeps its exit code.
#
#   sh shim.sh FOLDER MARK CWD COMMAND [ARGUMENT...]
#
# The braces make the shell read all of this before it runs any of it: replacing the file does not
# disturb shims that run. All names begin with turnout_, so that no variable of the command's
# environment is changed. A trap with a command, unlike an ignored signal, is not inherited: the
# command gets every signal as usual, while the shim lives on to write the exit code down.
#
# shellcheck shell=sh disable=SC2034 # turnout_x takes the fields that nobody needs
{
    turnout_folder=$1
    turnout_mark=$2
    turnout_cwd=$3
    shift 3
    turnout_refuse() {
        printf '%s\n' "$2"
        exit "$1"
    }
    trap : HUP INT QUIT PIPE ALRM TERM USR1 USR2
    cd /
    # /proc/self/stat: 1 = pid, 22 = start time in clock ticks since boot.
    read -r turnout_shim turnout_x turnout_x turnout_x turnout_x turnout_x turnout_x turnout_x \
        turnout_x turnout_x turnout_x turnout_x turnout_x turnout_x turnout_x turnout_x turnout_x \
        turnout_x turnout_x turnout_x turnout_x turnout_shim_started turnout_x </proc/self/stat
    # What this shell itself has to say ("Killed") is not for the log.
    exec 3>&2 2>/dev/null
    # A subshell in the foreground: in the background the command would ignore SIGINT and SIGQUIT.
    (
        exec 2>&3 3>&-
        read -r turnout_pid turnout_x turnout_x turnout_x turnout_x turnout_x turnout_x turnout_x \
            turnout_x turnout_x turnout_x turnout_x turnout_x turnout_x turnout_x turnout_x \
            turnout_x turnout_x turnout_x turnout_x turnout_x turnout_started turnout_x \
            </proc/self/stat
        printf '%s %s %s %s %s .\n' "$turnout_mark" "$turnout_shim" "$turnout_shim_started" \
            "$turnout_pid" "$turnout_started" >"$turnout_folder/process.new" &&
            command -p mv -f -- "$turnout_folder/process.new" "$turnout_folder/process"
        cd -- "$turnout_cwd" || exit 126
        unset OLDPWD
        case $1 in
        */*) [ -e "$1" ] || turnout_refuse 127 "$1: there is no such file in $turnout_cwd" ;;
        *) command -v "$1" >/dev/null || turnout_refuse 127 "$1: not found in PATH=$PATH" ;;
        esac
        exec "$@"
    )
    turnout_code=$?
    printf '%s %s .\n' "$turnout_mark" "$turnout_code" >"$turnout_folder/exit.new" &&
        command -p mv -f -- "$turnout_folder/exit.new" "$turnout_folder/exit"
    exit
}
