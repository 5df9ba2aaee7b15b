#!/bin/sh
# Turns secrets into variables and starts hallwatch: a file named like a variable, in /run/secrets or
# /run/hall-secrets, becomes that variable (HALLWATCH_BROKER, HALLWATCH_STORE, or CAM_PW for `${CAM_PW}` in hall.yaml).
# So a secret stands neither in the compose file, nor on a command line, nor in `docker inspect`.
set -eu
for file in "${HALLWATCH_SECRETS:-/run/secrets}"/* "${HALLWATCH_HALL_SECRETS:-/run/hall-secrets}"/*; do
    name=${file##*/}
    case $name in
    [!A-Z_]* | *[!A-Z0-9_]*) continue ;;
    esac
    [ -f "$file" ] || continue
    value=$(cat "$file") || {
        echo "entrypoint: $file cannot be read by user $(id -u); expected a file that it may read" >&2
        exit 1
    }
    export "$name=$value"
done
exec hallwatch "$@"
