#!/usr/bin/env bash
# Starts and stops real Kafka brokers on loopback, for tests. Nothing is installed: Maven resolves the jars into a cache
# outside the tree, and everything a cluster writes stands under its own directory.
#
#   cluster.sh start DIR [BROKERS] [--tls] [--disk MIB] [--listen P,…] [--tell P,…]
#                                            format and start (1 broker unless told), wait until ready, print the brokers;
#                                            listen for clients at these ports, and tell clients those: of proxies
#   cluster.sh stop DIR                      stop what runs in DIR
#   cluster.sh kill DIR N                    kill -9 broker N (from 1)
#   cluster.sh revive DIR N                  start broker N again
#   cluster.sh pause DIR N                   stop broker N in its tracks (SIGSTOP): it holds its connections and is silent
#   cluster.sh cont DIR N                    let it go on
#   cluster.sh libs                          resolve the jars, print their directory
#
# With --disk each broker's data stands on a tmpfs of its own of that size (needs root; `stop` unmounts it).
# With --tls clients must speak SASL_SSL with SCRAM-SHA-512; DIR then holds `ca.pem`, `user` and `password`.
# SPOJKA_TEST_KAFKA_LIBS names a directory of jars to use instead of resolving them.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
version=4.3.1
ready_within_seconds=90

die() {
    echo "cluster.sh: $*" >&2
    exit 1
}

libs() {
    if [[ -n ${SPOJKA_TEST_KAFKA_LIBS:-} ]]; then
        echo "$SPOJKA_TEST_KAFKA_LIBS"
        return
    fi
    local cache=${XDG_CACHE_HOME:-$HOME/.cache}/spojka/kafka-$version
    if [[ ! -e $cache/complete ]]; then
        command -v mvn >/dev/null || die "mvn is missing: install maven"
        local fresh=$cache.$$
        rm -rf "$fresh"
        mkdir -p "$fresh"
        mvn -B -q -f "$here/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
            -DoutputDirectory="$fresh" >&2 </dev/null
        touch "$fresh/complete"
        # Whoever comes second throws its own copy away.
        mv -T "$fresh" "$cache" 2>/dev/null || rm -rf "$fresh"
    fi
    echo "$cache"
}

# A port of which nobody listens now. Kept out of the kernel's range for outgoing connections.
free_port() {
    local port
    for _ in {1..200}; do
        port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
        [[ " $taken " == *" $port "* ]] && continue
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            taken+=" $port"
            return
        fi
    done
    die "no free port found"
}

tls_files() {
    local dir=$1
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=spojka test ca" \
        -keyout "$dir/ca.key" -out "$dir/ca.pem" 2>/dev/null
    openssl req -newkey rsa:2048 -nodes -subj "/CN=localhost" \
        -keyout "$dir/server.key" -out "$dir/server.csr" 2>/dev/null
    openssl x509 -req -in "$dir/server.csr" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" -CAcreateserial -days 30 \
        -extfile <(echo "subjectAltName=DNS:localhost,IP:127.0.0.1") -out "$dir/server.pem" 2>/dev/null
    cat "$dir/server.key" "$dir/server.pem" "$dir/ca.pem" >"$dir/keystore.pem"
    echo -n "spojka" >"$dir/user"
    openssl rand -hex 12 | tr -d '\n' >"$dir/password"
}

properties() {
    local dir=$1 id=$2 brokers=$3 tls=$4
    local replicas=1 in_sync=1 client=PLAINTEXT
    if ((brokers >= 3)); then replicas=3 in_sync=2; fi
    if [[ $tls == yes ]]; then client=SASL_SSL; fi
    cat <<PROPERTIES
process.roles=broker,controller
node.id=$id
controller.quorum.voters=$voters
listeners=CLIENT://127.0.0.1:${client_ports[id]},INTERNAL://127.0.0.1:${internal_ports[id]},CONTROLLER://127.0.0.1:${controller_ports[id]}
advertised.listeners=CLIENT://127.0.0.1:${told_ports[id]},INTERNAL://127.0.0.1:${internal_ports[id]}
listener.security.protocol.map=CLIENT:$client,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=INTERNAL
controller.listener.names=CONTROLLER
log.dirs=$dir/broker-$id/data
auto.create.topics.enable=false
num.partitions=1
default.replication.factor=$replicas
min.insync.replicas=$in_sync
offsets.topic.replication.factor=$replicas
offsets.topic.num.partitions=3
transaction.state.log.replication.factor=$replicas
transaction.state.log.min.isr=$in_sync
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=$replicas
share.coordinator.state.topic.min.isr=$in_sync
share.coordinator.state.topic.num.partitions=1
group.min.session.timeout.ms=500
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
num.network.threads=2
num.io.threads=2
log.cleaner.dedupe.buffer.size=2097152
log.segment.bytes=16777216
log.index.size.max.bytes=1048576
PROPERTIES
    if [[ $tls == yes ]]; then
        cat <<PROPERTIES
ssl.keystore.type=PEM
ssl.keystore.location=$dir/keystore.pem
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.client.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
PROPERTIES
    fi
}

java_run() {
    local log=$1
    shift
    exec java -Xms64m -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dspojka.log="$log" \
        -Dlog4j2.configurationFile="$here/log4j2.properties" -cp "$(libs)/*" "$@"
}

launch() {
    local dir=$1 id=$2 home=$1/broker-$2
    (java_run "$home/server.log" kafka.Kafka "$home/server.properties") >>"$home/out.log" 2>&1 </dev/null &
    echo $! >"$home/pid"
    disown
}

alive() {
    local dir=$1 id=$2 pid
    pid=$(cat "$dir/broker-$id/pid" 2>/dev/null) || return 1
    # Only what we started: a pid may belong to somebody else by now.
    [[ -r /proc/$pid/cmdline ]] && tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF "$dir/broker-$id/"
}

# A broker says that it has started after the controller let it in and its sockets are open.
started() {
    cat "$1/server.log" 2>/dev/null | grep -c "Kafka Server started" || true
}

wait_ready() {
    local dir=$1 id=$2 starts=$3 deadline=$((SECONDS + ready_within_seconds)) port
    port=$(sed -n 's|^listeners=CLIENT://127.0.0.1:\([0-9]*\),.*|\1|p' "$dir/broker-$id/server.properties")
    while ((SECONDS < deadline)); do
        if (($(started "$dir/broker-$id") >= starts)) && (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            return 0
        fi
        alive "$dir" "$id" || break
        sleep 0.1
    done
    tail -n 30 "$dir/broker-$id/out.log" "$dir/broker-$id/server.log" >&2 2>/dev/null || true
    stop "$dir"
    die "broker $id of $dir is not ready"
}

start() {
    local dir=$1 brokers=1 tls=no disk="" id listen="" tell=""
    shift
    while (($# > 0)); do
        case $1 in
            1 | 3) brokers=$1 ;;
            --tls) tls=yes ;;
            --listen) listen=${2:?"--listen needs ports"}; shift ;;
            --tell) tell=${2:?"--tell needs ports"}; shift ;;
            --disk) disk=${2:?"--disk needs a size in MiB"}; shift ;;
            *) die "unknown argument: $1" ;;
        esac
        shift
    done
    mkdir -p "$dir"
    dir=$(cd "$dir" && pwd)
    [[ ! -e $dir/bootstrap ]] || die "$dir holds a cluster already"
    libs >/dev/null
    [[ $tls == no ]] || tls_files "$dir"

    taken="" voters="" client_ports=() internal_ports=() controller_ports=() told_ports=()
    for ((id = 1; id <= brokers; id++)); do
        free_port && client_ports[id]=${taken##* }
        if [[ -n $listen ]]; then client_ports[id]=$(cut -d, -f"$id" <<<"$listen"); fi
        told_ports[id]=${client_ports[id]}
        if [[ -n $tell ]]; then told_ports[id]=$(cut -d, -f"$id" <<<"$tell"); fi
        free_port && internal_ports[id]=${taken##* }
        free_port && controller_ports[id]=${taken##* }
        voters+="${voters:+,}$id@127.0.0.1:${controller_ports[id]}"
    done

    local cluster scram=() formats=() bootstrap=""
    # Without the two letters that base64 has for addresses: an id that begins with a hyphen would be taken for an option.
    cluster=$(head -c 16 /dev/urandom | base64 | tr '+/' 'AB' | cut -c 1-22)
    if [[ $tls == yes ]]; then
        scram=(--add-scram "SCRAM-SHA-512=[name=$(cat "$dir/user"),password=$(cat "$dir/password")]")
    fi
    for ((id = 1; id <= brokers; id++)); do
        mkdir -p "$dir/broker-$id/data"
        if [[ -n $disk ]]; then mount -t tmpfs -o "size=${disk}m" tmpfs "$dir/broker-$id/data"; fi
        properties "$dir" "$id" "$brokers" "$tls" >"$dir/broker-$id/server.properties"
        (java_run "$dir/broker-$id/format.log" kafka.tools.StorageTool format --cluster-id "$cluster" \
            --config "$dir/broker-$id/server.properties" "${scram[@]}") >"$dir/broker-$id/out.log" 2>&1 </dev/null &
        formats+=($!)
    done
    for id in "${!formats[@]}"; do
        wait "${formats[id]}" || { cat "$dir/broker-$((id + 1))/out.log" >&2; die "formatting failed"; }
    done
    for ((id = 1; id <= brokers; id++)); do launch "$dir" "$id"; done
    for ((id = 1; id <= brokers; id++)); do
        wait_ready "$dir" "$id" 1
        bootstrap+="${bootstrap:+,}127.0.0.1:${client_ports[id]}"
    done
    echo "$bootstrap" | tee "$dir/bootstrap"
}

stop() {
    local dir=$1 home id deadline
    [[ -d $dir ]] || return 0
    dir=$(cd "$dir" && pwd)
    for home in "$dir"/broker-*; do
        id=${home##*-}
        if alive "$dir" "$id"; then
            kill "$(cat "$home/pid")" 2>/dev/null || true
            # One that is paused cannot hear it.
            kill -CONT "$(cat "$home/pid")" 2>/dev/null || true
        fi
    done
    deadline=$((SECONDS + 10))
    for home in "$dir"/broker-*; do
        id=${home##*-}
        while alive "$dir" "$id"; do
            if ((SECONDS >= deadline)); then kill -9 "$(cat "$home/pid")" 2>/dev/null || true; fi
            sleep 0.1
        done
        if mountpoint -q "$home/data"; then umount "$home/data" || umount -l "$home/data"; fi
    done
    rm -f "$dir/bootstrap"
}

kill_one() {
    local dir id=$2
    dir=$(cd "$1" && pwd)
    alive "$dir" "$id" || die "broker $id of $dir does not run"
    kill -9 "$(cat "$dir/broker-$id/pid")"
    while alive "$dir" "$id"; do sleep 0.05; done
}

signal_one() {
    local signal=$1 dir id=$3
    dir=$(cd "$2" && pwd)
    alive "$dir" "$id" || die "broker $id of $dir does not run"
    kill "-$signal" "$(cat "$dir/broker-$id/pid")"
}

revive() {
    local dir id=$2 starts
    dir=$(cd "$1" && pwd)
    ! alive "$dir" "$id" || die "broker $id of $dir runs already"
    starts=$(started "$dir/broker-$id")
    launch "$dir" "$id"
    wait_ready "$dir" "$id" $((starts + 1))
}

command=${1:-}
shift || true
case $command in
    start) [[ $# -ge 1 ]] || die "start needs a directory"; start "$@" ;;
    stop) [[ $# -eq 1 ]] || die "stop needs a directory"; stop "$1" ;;
    kill) [[ $# -eq 2 ]] || die "kill needs a directory and a broker"; kill_one "$1" "$2" ;;
    revive) [[ $# -eq 2 ]] || die "revive needs a directory and a broker"; revive "$1" "$2" ;;
    pause) [[ $# -eq 2 ]] || die "pause needs a directory and a broker"; signal_one STOP "$1" "$2" ;;
    cont) [[ $# -eq 2 ]] || die "cont needs a directory and a broker"; signal_one CONT "$1" "$2" ;;
    libs) libs ;;
    *) die "usage: cluster.sh start DIR [1|3] [--tls] [--disk MIB] | stop DIR | kill|revive|pause|cont DIR N | libs" ;;
esac
