#!/bin/sh
# first.sh COMMAND [ARG...]: runs a command below the first process of a pid namespace, which this one is: it reaps what
# others leave, and passes the end that it is asked for on. A shell has what it starts in the background ignore ^C.
env --default-signal=INT,QUIT "$@" &
trap 'kill -TERM $!' TERM INT
wait $!
status=$?
[ "$status" -le 128 ] || { wait $! && status=0 || status=$?; }
exit "$status"
