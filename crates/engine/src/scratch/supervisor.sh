# The parent of one scratch server. Reads commands from its standard input and
# answers each with one line. When the input ends, the program that held the
# other end is gone, however it went: stop the server and remove its files.
#
# $1 the cluster's directory   $2 the directory of the binaries   $3 a data directory to copy, or nothing
# $4 what to add to postgresql.conf   $5 the whole of pg_hba.conf
set -u
# The program may be killed while an order is carried out: then the answer has no reader, and the
# signal for that must not end us before we have cleaned up.
trap '' PIPE
directory=$1 binaries=$2 template=$3 settings=$4 authentication=$5
data=$directory/data log=$directory/log server=
# What the program inherited from whoever started it: a lock file, say, that must not stay locked
# for as long as the server lives.
exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-

# Forgets a server that has ended by itself. `jobs` makes every shell collect its dead
# children; without it kill -0 would succeed on one that is dead and not yet waited for.
look() {
    jobs >/dev/null 2>&1
    if [ -n "$server" ] && ! kill -0 "$server" 2>/dev/null; then server=; fi
}

stop() {
    look
    [ -n "$server" ] || return 0
    kill "-$1" "$server" 2>/dev/null
    wait "$server" 2>/dev/null
    server=
}

# All processes of the server at once, as when the machine's memory runs out or its plug is
# pulled: were only the first one killed, its children would go on until they notice.
kill_all() {
    look
    [ -n "$server" ] || return 0
    kill -STOP "$server"
    children=$(cat "/proc/$server/task/$server/children" 2>/dev/null || pgrep -P "$server" 2>/dev/null)
    # Word splitting is meant: one word for each process.
    kill -KILL "$server" $children 2>/dev/null
    wait "$server" 2>/dev/null
    server=
}

create() {
    if [ -n "$template" ]; then
        cp -R "$template" "$data" && chmod 700 "$data"
    else
        "$binaries/initdb" --pgdata="$data" --username=postgres --auth=trust --encoding=UTF8 \
            --locale=C --no-sync --wal-segsize=1
    fi >>"$log" 2>&1 </dev/null || return
    # Written here and not by the program, which may be root and must not follow links of this user.
    printf '%s' "$settings" >>"$data/postgresql.conf" && printf '%s' "$authentication" >"$data/pg_hba.conf"
}

cd "$directory" || exit 1
while read -r word; do
    case $word in
    create) create && echo created || echo failed ;;
    start)
        "$binaries/postgres" -D "$data" >>"$log" 2>&1 </dev/null &
        server=$!
        echo "started $server"
        ;;
    look)
        look
        if [ -n "$server" ]; then echo running; else echo ended; fi
        ;;
    fast) stop INT && echo stopped ;;
    immediate) stop QUIT && echo stopped ;;
    kill) kill_all && echo stopped ;;
    leave) echo left && exit 0 ;;
    esac
done

stop QUIT
# A killed server cannot give back its one small segment of shared memory (line 7: key and id).
if [ -f "$data/postmaster.pid" ]; then
    segment=$(sed -n '7s/.* //p' "$data/postmaster.pid")
    [ -z "$segment" ] || ipcrm -m "$segment" >/dev/null 2>&1
fi
cd / && rm -rf "$directory"
