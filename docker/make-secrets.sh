#!/bin/sh
# make-secrets.sh: makes the passwords, tokens, certificate and access list that docker/compose.yml and compose.scale.yml need.
#
#   docker/make-secrets.sh [--host NAME_OR_ADDRESS]... HALL/FLOOR/NODE...
#   docker/make-secrets.sh --add HALL/FLOOR/NODE...
#
# Everything is random and made once, into docker/secrets (HALLWATCH_SECRETS_DIR names another folder); what is there
# is never overwritten. --host: under which names and addresses boxes elsewhere reach this broker (they go into its
# certificate, and the first one into the addresses remote.*). --add: further boxes, later; restart the broker after.
# Each box gets a user of its own that may publish and read below its own topic only, each hall one for its ticket
# machine and other systems (broker.HALL.inputs). The first box is the box of the
# compose file (secrets/compose.env). Values of ${...} in hall.yaml go into secrets/hall, a file for each.
set -eu
umask 077

here=$(cd "$(dirname "$0")" && pwd)
folder=${HALLWATCH_SECRETS_DIR:-$here/secrets}
image=eclipse-mosquitto:2.0.22
days=3650

fail() {
    printf 'make-secrets: %s\n' "$1" >&2
    exit 1
}

random() { openssl rand -hex 24; }

# Readable for the user inside a container, whoever that is; on this machine the folder (0700) keeps others out.
put() {
    cat >"$folder/$1"
    chmod 0444 "$folder/$1"
}

# hash USER PASSWORD: a line of mosquitto's password file. The password never stands on a command line.
hash() {
    printf '%s:%s\n' "$1" "$2" >"$work/line"
    if command -v mosquitto_passwd >/dev/null 2>&1; then
        mosquitto_passwd -U "$work/line" >&2
    else
        docker run --rm --user "$(id -u):$(id -g)" --network none -v "$work:/lines" --entrypoint mosquitto_passwd \
            "$image" -U /lines/line >&2
    fi || fail "mosquitto_passwd failed; expected it here (apt-get install mosquitto) or a Docker engine to run it"
    cat "$work/line"
}

check_node() {
    printf '%s\n' "$1" | grep -qxE '[A-Za-z0-9][A-Za-z0-9_-]{0,63}(/[A-Za-z0-9][A-Za-z0-9_-]{0,63}){2}' ||
        fail "$1: expected HALL/FLOOR/NODE with the ids of hall.yaml, such as demo/f1/edge-f1"
    ! grep -qsF "topic readwrite hallwatch/1/$1/#" "$folder/acl" || fail "$1: is in $folder/acl already"
}

# add_inputs HALL: a user for the ticket machine and other systems of a hall, which may ask and hear the replies.
add_inputs() {
    ! grep -qsxF "user $1.inputs" "$folder/acl" || return 0
    password=$(random)
    hash "$1.inputs" "$password" >>"$folder/passwd"
    printf '\nuser %s\n' "$1.inputs" >>"$folder/acl"
    for kind in duty/set ticket rating; do printf 'topic write hallwatch/1/%s/%s\n' "$1" "$kind" >>"$folder/acl"; done
    printf 'topic read hallwatch/1/%s/reply/#\n' "$1" >>"$folder/acl"
    address broker "$1.inputs" mosquitto /run/secrets/ca.crt
    [ -z "$(cat "$folder/host")" ] || address remote "$1.inputs" "$(remote_host)" /etc/hallwatch/ca.crt
}

# address NAME USER HOST CA: the broker address of a user.
address() { printf 'mqtts://%s:%s@%s:8883?ca=%s\n' "$2" "$password" "$3" "$4" | put "$1.$2"; }

remote_host() {
    host=$(cat "$folder/host")
    case $host in
    *:*) printf '[%s]' "$host" ;;
    *) printf '%s' "$host" ;;
    esac
}

# add_node HALL/FLOOR/NODE: user, access list, and the broker address for this box, in the compose file and elsewhere.
add_node() {
    add_inputs "${1%%/*}"
    user=$(printf '%s' "$1" | tr / .)
    password=$(random)
    hash "$user" "$password" >>"$folder/passwd"
    printf '\nuser %s\ntopic readwrite hallwatch/1/%s/#\n' "$user" "$1" >>"$folder/acl"
    address broker "$user" mosquitto /run/secrets/ca.crt
    [ -z "$(cat "$folder/host")" ] || address remote "$user" "$(remote_host)" /etc/hallwatch/ca.crt
}

make_certificate() {
    names="DNS:mosquitto,DNS:localhost,IP:127.0.0.1"
    for name in $hosts; do
        case $name in
        *:*) names="$names,IP:$name" ;;
        *[!0-9.]*) names="$names,DNS:$name" ;;
        *) names="$names,IP:$name" ;;
        esac
    done
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days $days -subj "/CN=hallwatch broker CA" \
        -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign" \
        -keyout "$folder/ca.key" -out "$folder/ca.crt" 2>"$folder/openssl.log" || fail "$(cat "$folder/openssl.log")"
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=mosquitto" \
        -keyout "$folder/server.key" -out "$folder/server.csr" 2>"$folder/openssl.log" ||
        fail "$(cat "$folder/openssl.log")"
    printf '%s\n' "basicConstraints=critical,CA:FALSE" "keyUsage=critical,digitalSignature" \
        "extendedKeyUsage=serverAuth" "subjectKeyIdentifier=hash" "authorityKeyIdentifier=keyid" \
        "subjectAltName=$names" >"$folder/server.ext"
    openssl x509 -req -in "$folder/server.csr" -CA "$folder/ca.crt" -CAkey "$folder/ca.key" -days $days \
        -extfile "$folder/server.ext" -out "$folder/server.crt" 2>"$folder/openssl.log" ||
        fail "$(cat "$folder/openssl.log")"
    rm -f "$folder/server.csr" "$folder/server.ext" "$folder/openssl.log" "$folder"/*.srl
    chmod 0444 "$folder/ca.crt" "$folder/server.crt" "$folder/server.key"
}

add=
hosts=
while [ $# -gt 0 ]; do
    case $1 in
    --add) add=yes ;;
    --host)
        [ $# -gt 1 ] || fail "--host: expected a name or an address after it"
        printf '%s\n' "$2" | grep -qxE '[A-Za-z0-9.:-]+' || fail "--host $2: expected a name or an address"
        hosts="$hosts $2"
        shift
        ;;
    -*) fail "$1: expected --host, --add or HALL/FLOOR/NODE" ;;
    *) break ;;
    esac
    shift
done
[ $# -gt 0 ] || fail "expected at least one box as HALL/FLOOR/NODE, such as demo/f1/edge-f1"
command -v openssl >/dev/null 2>&1 || fail "openssl is missing: apt-get install openssl"
[ "$add" ] || [ ! -e "$folder" ] ||
    fail "$folder exists; it is never overwritten (--add adds a box; move it away to start anew)"
[ -z "$add" ] || [ -f "$folder/acl" ] || fail "$folder holds nothing to add to; run it without --add first"
for node in "$@"; do check_node "$node"; done

unfinished=
work=$(mktemp -d)
trap 'rm -rf "$work" ${unfinished:+"$unfinished"}' EXIT
if [ "$add" ]; then
    chmod u+w "$folder/passwd" "$folder/acl"
else
    # Made in a folder beside it and put in place whole, so that a failure half-way leaves nothing behind.
    final=$folder
    folder=$(mktemp -d "$final.XXXXXX")
    unfinished=$folder
    make_certificate
    first=${hosts# }
    printf '%s\n' "${first%% *}" >"$folder/host"
    centre=$(random) health=$(random) operator=$(random)
    hash centre "$centre" >"$folder/passwd"
    hash health "$health" >>"$folder/passwd"
    hash operator "$operator" >>"$folder/passwd"
    printf '%s\n' "# Made by make-secrets.sh: the centre reads all; each box has its own topic and nothing else." \
        "user centre" "topic read hallwatch/1/#" "topic write hallwatch/1/+/reply/#" \
        "topic write hallwatch/1/+/+/+/duty/set" "topic write hallwatch/1/+/+/+/label/set" \
        "topic write hallwatch/1/+/+/+/evidence/get" "topic write hallwatch/1/+/+/+/frame/get" \
        "topic write hallwatch/1/+/+/+/config/set" \
        "" "user health" "topic read \$SYS/broker/uptime" "" \
        "user operator" "topic write hallwatch/1/+/+/+/config/set" "topic read hallwatch/1/+/+/+/reply" \
        "topic read hallwatch/1/+/+/+/health" "topic read hallwatch/1/+/+/+/status" >"$folder/acl"
    printf 'mqtts://centre:%s@mosquitto:8883?ca=/run/secrets/ca.crt\n' "$centre" | put broker.centre
    printf 'mqtts://operator:%s@mosquitto:8883?ca=/run/secrets/ca.crt\n' "$operator" | put broker.operator
    printf '%s\n' "-h localhost" "-p 8883" "--cafile /run/secrets/ca.crt" "-u health" "-P $health" | put mosquitto_sub
    token=$(random)
    printf '%s' "$token" | put influxdb_token
    random | tr -d '\n' | put influxdb_password
    random | tr -d '\n' | put grafana_password
    password=$(random)
    printf '%s' "$password" | put postgres_password
    printf 'postgresql+psycopg://hallwatch:%s@postgres/hallwatch\n' "$password" | put records
    printf 'influxdb2+http://influxdb:8086/hallwatch/hallwatch?token=%s\n' "$token" | put store
    put alert </dev/null
    mkdir -m 0755 "$folder/hall"
    printf 'HALLWATCH_FLOOR=%s\nHALLWATCH_NODE=%s\n' "$(dirname "$1" | tr / .)" "$(basename "$1")" | put compose.env
fi
for node in "$@"; do add_node "$node"; done
chmod 0444 "$folder/passwd" "$folder/acl"
# The broker runs as user 1883 and warns of files of others that all may read; only root may give them away.
if [ "$(id -u)" = 0 ]; then
    chown 1883:1883 "$folder/passwd" "$folder/acl" "$folder/server.key"
    chmod 0400 "$folder/passwd" "$folder/acl" "$folder/server.key"
fi
if [ -z "$add" ]; then
    mv "$folder" "$final"
    folder=$final unfinished=
fi
echo "$folder is ready: passwords, certificate and access list for $(grep -c '^topic readwrite' "$folder/acl") box(es)"
