#!/bin/sh
# Fuzzes what is in C, under AddressSanitizer and UndefinedBehaviorSanitizer, from the corpora of the tests: the decoder
# of spans, and the rewriter of JSON. What fails is left as a crash file beside the corpus' copy: put it into the
# corpus once it is mended.
#
#     benchmarks/fuzz/run.sh [SECONDS [spans|json]]
set -eu
cd "$(dirname "$0")/../.."
seconds="${1:-60}"
native=collector/decode/native
flags="-std=c11 -g -O1 -fno-omit-frame-pointer -fno-sanitize-recover=all -Wall -Wextra -Werror -DPOOL_BYTES=0 -I$native"

fuzz() { # TARGET CORPUS
    work="$(mktemp -d)"
    sources="benchmarks/fuzz/fuzz_$1.c $(ls $native/*.c | grep -v module.c)"
    cp -r "tests/collector/decode/$2" "$work/corpus"
    if command -v clang >/dev/null; then
        clang $flags -fsanitize=fuzzer,address,undefined $sources -lm -lpthread -o "$work/fuzz"
        "$work/fuzz" -max_total_time="$seconds" -max_len=65536 -timeout=10 -rss_limit_mb=1024 \
            -artifact_prefix="$work/" "$work/corpus"
    else
        ${CC:-cc} $flags -DWITHOUT_LIBFUZZER -fsanitize=address,undefined $sources -lm -lpthread -o "$work/fuzz"
        "$work/fuzz" $((seconds * 2000)) "$work"/corpus/*
    fi
    echo "work left in $work"
}

case "${2:-all}" in spans | all) fuzz spans corpus ;; esac
case "${2:-all}" in json | all) fuzz json corpus_json ;; esac
