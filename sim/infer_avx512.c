/* Dot products of unsigned codes in AVX-512, chosen at run time (infer_dot.c): bytes by VNNI, bit
 * planes by VPOPCNTDQ. The layouts are those of the plain kernels. */
#include "sim/infer_core.h"

#if defined(__x86_64__)
#include <immintrin.h>

enum {
    LANES = 16,
    QUAD = 4,
    PLANE_LANES = 8,
    WORD_BITS = 64,
    CHUNK_QUADS = 8192, /* 4 * 8192 * 255 * 128 stays below 2^31 */
    SIGN = 128,         /* VNNI multiplies unsigned by signed bytes: weights are moved by it */
    ROWS = 4,           /* at once, so that each load of weights serves four rows */
};

#define VNNI   __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
#define PLANES __attribute__((target("avx512f,avx512bw,avx512vl,avx512vpopcntdq")))

static bool has_vnni(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
}

static bool has_popcount(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vpopcntdq");
}

/* ---- bytes ---- */

/* Weights below 128 are signed bytes already; wider ones are stored less 128, which the row's sum
 * makes good. */
static void pack_vnni(const uint8_t *w, infer_matrix *m)
{
    infer_kernel_bytes.pack(w, m);
    if (m->bits < INFER_DIGIT_BITS) return;
    const size_t quads = (m->depth + QUAD - 1) / QUAD;
    uint8_t *const v = m->data;
    for (size_t i = 0; i < m->k_stride * quads * QUAD; i++) v[i] ^= SIGN;
}

VNNI static void add_sums(__m512i sum, uint32_t shift, uint64_t *out)
{
    const __m128i by = _mm_cvtsi32_si128((int)shift);
    const __m512i low = _mm512_cvtepi32_epi64(_mm512_castsi512_si256(sum));
    const __m512i high = _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(sum, 1));
    const __m512i a = _mm512_loadu_si512(out), b = _mm512_loadu_si512(out + LANES / 2);
    _mm512_storeu_si512(out, _mm512_add_epi64(a, _mm512_sll_epi64(low, by)));
    _mm512_storeu_si512(out + LANES / 2, _mm512_add_epi64(b, _mm512_sll_epi64(high, by)));
}

VNNI static __m512i four_codes(const uint8_t *a)
{
    int32_t v;
    __builtin_memcpy(&v, a, sizeof v);
    return _mm512_set1_epi32(v);
}

VNNI static void dot_four(const uint8_t *w, const uint8_t *a, size_t stride, size_t quads,
                          __m512i sum[ROWS])
{
    __m512i s0 = sum[0], s1 = sum[1], s2 = sum[2], s3 = sum[3];
    for (size_t q = 0; q < quads; q++, a += QUAD) {
        const __m512i v = _mm512_loadu_si512(w + q * LANES * QUAD);
        s0 = _mm512_dpbusd_epi32(s0, four_codes(a), v);
        s1 = _mm512_dpbusd_epi32(s1, four_codes(a + stride), v);
        s2 = _mm512_dpbusd_epi32(s2, four_codes(a + 2 * stride), v);
        s3 = _mm512_dpbusd_epi32(s3, four_codes(a + 3 * stride), v);
    }
    sum[0] = s0;
    sum[1] = s1;
    sum[2] = s2;
    sum[3] = s3;
}

/* Two chains, as one would wait for its own latency. */
VNNI static __m512i dot_one(const uint8_t *w, const uint8_t *a, size_t quads)
{
    __m512i s0 = _mm512_setzero_si512(), s1 = _mm512_setzero_si512();
    size_t q = 0;
    for (; q + 2 <= quads; q += 2, a += 2 * QUAD, w += 2 * LANES * QUAD) {
        s0 = _mm512_dpbusd_epi32(s0, four_codes(a), _mm512_loadu_si512(w));
        s1 = _mm512_dpbusd_epi32(s1, four_codes(a + QUAD), _mm512_loadu_si512(w + LANES * QUAD));
    }
    if (q < quads) s0 = _mm512_dpbusd_epi32(s0, four_codes(a), _mm512_loadu_si512(w));
    return _mm512_add_epi32(s0, s1);
}

VNNI static void dot_rows(const uint8_t *w, const infer_rows *r, size_t first, size_t quads,
                          uint32_t shift, size_t k_stride, uint64_t *out)
{
    size_t i = 0;
    for (; i + ROWS <= r->n; i += ROWS) {
        __m512i sum[ROWS];
        for (size_t j = 0; j < ROWS; j++) sum[j] = _mm512_setzero_si512();
        dot_four(w, r->codes + i * r->stride + first, r->stride, quads, sum);
        for (size_t j = 0; j < ROWS; j++) add_sums(sum[j], shift, out + (i + j) * k_stride);
    }
    for (; i < r->n; i++)
        add_sums(dot_one(w, r->codes + i * r->stride + first, quads), shift, out + i * k_stride);
}

VNNI static void dot_vnni(const infer_matrix *m, const infer_rows *r, uint32_t shift, uint64_t *acc)
{
    const size_t quads = (m->depth + QUAD - 1) / QUAD;
    for (size_t b = 0; b < m->k_stride / LANES; b++)
        for (size_t q = 0; q < quads; q += CHUNK_QUADS) {
            const size_t n = quads - q < CHUNK_QUADS ? quads - q : CHUNK_QUADS;
            const uint8_t *const w = (const uint8_t *)m->data + (b * quads + q) * LANES * QUAD;
            dot_rows(w, r, q * QUAD, n, shift, m->k_stride, acc + b * LANES);
        }
    if (m->bits < INFER_DIGIT_BITS) return;
    for (size_t i = 0; i < r->n; i++) {
        const uint64_t moved = (r->sums[i] * SIGN) << shift;
        for (size_t k = 0; k < m->k_stride; k++) acc[i * m->k_stride + k] += moved;
    }
}

const infer_kernel infer_kernel_bytes_vnni = {"bytes, AVX-512 VNNI", has_vnni, pack_vnni, dot_vnni};

/* ---- bit planes ---- */

static void pack_planes(const uint8_t *w, infer_matrix *m) { infer_kernel_planes.pack(w, m); }

PLANES static void split_planes(const uint8_t *codes, uint32_t bits, uint64_t *planes)
{
    const __m512i v = _mm512_loadu_si512(codes);
    for (uint32_t b = 0; b < bits; b++)
        planes[b] = _mm512_test_epi8_mask(v, _mm512_set1_epi8((char)(1u << b)));
}

/* Pairs of equal place are added before they are shifted. */
PLANES static __m512i dot_place(const uint64_t *w, uint32_t weight_bits, const uint64_t *a,
                                uint32_t act_bits, size_t words, uint32_t place)
{
    const uint32_t first = place < act_bits ? 0 : place - act_bits + 1;
    const uint32_t last = place < weight_bits ? place : weight_bits - 1;
    __m512i sum = _mm512_setzero_si512();
    for (size_t q = 0; q < words; q++, w += weight_bits * PLANE_LANES, a += act_bits)
        for (uint32_t u = first; u <= last; u++) {
            const __m512i plane = _mm512_loadu_si512(w + u * PLANE_LANES);
            const __m512i both =
                _mm512_and_si512(plane, _mm512_set1_epi64((long long)a[place - u]));
            sum = _mm512_add_epi64(sum, _mm512_popcnt_epi64(both));
        }
    return sum;
}

PLANES static void dot_planes(const infer_matrix *m, const infer_rows *r, uint32_t shift,
                              uint64_t *acc)
{
    const size_t words = infer_row_stride(m->depth) / WORD_BITS;
    for (size_t i = 0; i < r->n; i++) {
        for (size_t q = 0; q < words; q++)
            split_planes(r->codes + i * r->stride + q * WORD_BITS, r->bits,
                         r->scratch + q * r->bits);
        for (size_t b = 0; b < m->k_stride / PLANE_LANES; b++) {
            const uint64_t *const w = (const uint64_t *)m->data + b * words * m->bits * PLANE_LANES;
            uint64_t *const out = acc + i * m->k_stride + b * PLANE_LANES;
            __m512i sum = _mm512_loadu_si512(out);
            for (uint32_t place = 0; place < m->bits + r->bits - 1; place++) {
                const __m512i part = dot_place(w, m->bits, r->scratch, r->bits, words, place);
                sum = _mm512_add_epi64(
                    sum, _mm512_sll_epi64(part, _mm_cvtsi32_si128((int)(place + shift))));
            }
            _mm512_storeu_si512(out, sum);
        }
    }
}

const infer_kernel infer_kernel_planes_avx512 = {"planes, AVX-512 VPOPCNTDQ", has_popcount,
                                                 pack_planes, dot_planes};

#else

static bool nowhere(void) { return false; }

const infer_kernel infer_kernel_bytes_vnni = {"bytes, AVX-512 VNNI", nowhere, NULL, NULL};
const infer_kernel infer_kernel_planes_avx512 = {"planes, AVX-512 VPOPCNTDQ", nowhere, NULL, NULL};

#endif
