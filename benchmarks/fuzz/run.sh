#!/bin/sh
# Fuzzes the decoder in C under AddressSanitizer and UndefinedBehaviorSanitizer, from the corpus of the tests.
# What fails is left as a crash file beside the corpus' copy: put it into the corpus once it is mended.
#
#     benchmarks/fuzz/run.sh [SECONDS]
set -eu
cd "$(dirname "$0")/../.."
seconds="${1:-60}"
work="$(mktemp -d)"
native=collector/decode/native
sources="benchmarks/fuzz/fuzz_spans.c $(ls $native/*.c | grep -v module.c)"
flags="-std=c11 -g -O1 -fno-omit-frame-pointer -fno-sanitize-recover=all -Wall -Wextra -Werror -DPOOL_BYTES=0 -I$native"
cp -r tests/collector/decode/corpus "$work/corpus"
if command -v clang >/dev/null; then
    clang $flags -fsanitize=fuzzer,address,undefined $sources -lm -lpthread -o "$work/fuzz"
    "$work/fuzz" -max_total_time="$seconds" -max_len=65536 -timeout=10 -rss_limit_mb=1024 \
        -artifact_prefix="$work/" "$work/corpus"
else
    ${CC:-cc} $flags -DWITHOUT_LIBFUZZER -fsanitize=address,undefined $sources -lm -lpthread -o "$work/fuzz"
    "$work/fuzz" $((seconds * 2000)) "$work"/corpus/*
fi
echo "work left in $work"
