#include "traces/trace.h"

#include <math.h>

/* Steele, Lea, Flood 2014: spreads a counter over all 64 bits */
static uint64_t splitmix64(uint64_t *x)
{
    uint64_t z = *x += 0x9e3779b97f4a7c15ull;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

pare_rng pare_rng_new(uint64_t seed, uint64_t stream)
{
    uint64_t x = seed;
    uint64_t y = splitmix64(&x) ^ (stream * 0xd1342543de82ef95ull);
    pare_rng r;
    for (int i = 0; i < 4; i++) r.s[i] = splitmix64(&y);
    return r;
}

static uint64_t rotl(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

/* Blackman and Vigna: xoshiro256** 1.0 */
uint64_t pare_rng_u64(pare_rng *r)
{
    uint64_t *const s = r->s;
    const uint64_t result = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

/* Lemire 2019: multiply, reject the few values that would favour some results */
uint32_t pare_rng_below(pare_rng *r, uint32_t n)
{
    const uint32_t reject_below = (uint32_t)-n % n;
    uint64_t m;
    do {
        m = (pare_rng_u64(r) >> 32) * n;
    } while ((uint32_t)m < reject_below);
    return (uint32_t)(m >> 32);
}

double pare_rng_unit(pare_rng *r) { return (double)(pare_rng_u64(r) >> 11) * 0x1p-53; }

double pare_rng_normal(pare_rng *r)
{
    const double u = 1.0 - pare_rng_unit(r), v = pare_rng_unit(r);
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}
