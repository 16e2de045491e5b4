#include "hash.h"

uint64_t hash_secret[2];

void hash_prepare(uint64_t seed) {
    hash_secret[0] = hash_fold(seed ^ UINT64_C(0x9e3779b97f4a7c15), UINT64_C(0xbf58476d1ce4e5b9));
    hash_secret[1] = hash_fold(seed ^ UINT64_C(0x94d049bb133111eb), UINT64_C(0xd6e8feb86659fd93)) | 1;
}
