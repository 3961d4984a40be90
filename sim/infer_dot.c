/* Dot products of unsigned codes in plain C: by bytes, and by bit planes and popcount. */
#include "sim/infer_core.h"

#include <string.h>

enum {
    LANES = 16,      /* filters side by side in the byte layout */
    QUAD = 4,        /* codes of one filter side by side */
    PLANE_LANES = 8, /* filters side by side in the plane layout */
    WORD_BITS = 64,
    CHUNK_QUADS = 8192, /* 4 * 8192 products of two bytes stay below 2^31 */
};

static bool everywhere(void) { return true; }

static size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

/* ---- bytes: [k / 16][depth / 4][16][4] ---- */

static void pack_bytes(const uint8_t *w, infer_matrix *m)
{
    const size_t quads = (m->depth + QUAD - 1) / QUAD;
    m->k_stride = round_up(m->k, LANES);
    uint8_t *const out = m->data = pare_xalloc(m->k_stride * quads, QUAD);
    for (size_t k = 0; k < m->k; k++)
        for (size_t d = 0; d < m->depth; d++) {
            const size_t block = k / LANES * quads + d / QUAD;
            out[(block * LANES + k % LANES) * QUAD + d % QUAD] = w[k * m->depth + d];
        }
}

static void dot_bytes_chunk(const uint8_t *w, const uint8_t *a, size_t quads, uint32_t *sum)
{
    for (size_t q = 0; q < quads; q++, w += LANES * QUAD, a += QUAD)
        for (size_t j = 0; j < LANES; j++) {
            const uint8_t *const v = w + j * QUAD;
            sum[j] += (uint32_t)(a[0] * v[0] + a[1] * v[1] + a[2] * v[2] + a[3] * v[3]);
        }
}

static void dot_bytes(const infer_matrix *m, const infer_rows *r, uint32_t shift, uint64_t *acc)
{
    const size_t quads = (m->depth + QUAD - 1) / QUAD;
    for (size_t b = 0; b < m->k_stride / LANES; b++)
        for (size_t i = 0; i < r->n; i++)
            for (size_t q = 0; q < quads; q += CHUNK_QUADS) {
                const size_t n = quads - q < CHUNK_QUADS ? quads - q : CHUNK_QUADS;
                const uint8_t *const w = (const uint8_t *)m->data + (b * quads + q) * LANES * QUAD;
                uint32_t sum[LANES] = {0};
                dot_bytes_chunk(w, r->codes + i * r->stride + q * QUAD, n, sum);
                uint64_t *const out = acc + i * m->k_stride + b * LANES;
                for (size_t j = 0; j < LANES; j++) out[j] += (uint64_t)sum[j] << shift;
            }
}

const infer_kernel infer_kernel_bytes = {"bytes", everywhere, pack_bytes, dot_bytes};

/* ---- bit planes: [k / 8][depth / 64][bits][8] words ---- */

static void pack_planes(const uint8_t *w, infer_matrix *m)
{
    const size_t words = infer_row_stride(m->depth) / WORD_BITS;
    m->k_stride = round_up(m->k, PLANE_LANES);
    uint64_t *const out = m->data = pare_xalloc(m->k_stride * words, m->bits * sizeof *out);
    for (size_t k = 0; k < m->k; k++)
        for (size_t d = 0; d < m->depth; d++)
            for (uint32_t b = 0; b < m->bits; b++) {
                const size_t word = (k / PLANE_LANES * words + d / WORD_BITS) * m->bits + b;
                const uint64_t bit = w[k * m->depth + d] >> b & 1;
                out[word * PLANE_LANES + k % PLANE_LANES] |= bit << d % WORD_BITS;
            }
}

/* Bit `b` of 64 codes, eight codes at once: the multiplication gathers the lowest bits of eight
 * bytes in its top byte. */
static void split_planes(const uint8_t *codes, uint32_t bits, uint64_t *planes)
{
    memset(planes, 0, bits * sizeof *planes);
    for (uint32_t i = 0; i < WORD_BITS / 8; i++) {
        uint64_t eight = 0;
        for (uint32_t j = 0; j < 8; j++) eight |= (uint64_t)codes[i * 8 + j] << 8 * j;
        for (uint32_t b = 0; b < bits; b++) {
            const uint64_t ones = eight >> b & 0x0101010101010101u;
            planes[b] |= (ones * 0x0102040810204080u >> 56) << 8 * i;
        }
    }
}

static uint32_t popcount(uint64_t x)
{
    x -= x >> 1 & 0x5555555555555555u;
    x = (x & 0x3333333333333333u) + (x >> 2 & 0x3333333333333333u);
    x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return (uint32_t)(x * 0x0101010101010101u >> 56);
}

/* One word of depth: all pairs of bits, that is of one-bit digits. */
static void dot_planes_word(const uint64_t *w, uint32_t weight_bits, const uint64_t *a,
                            uint32_t act_bits, uint64_t *sum)
{
    for (uint32_t u = 0; u < weight_bits; u++)
        for (uint32_t v = 0; v < act_bits; v++)
            for (size_t j = 0; j < PLANE_LANES; j++)
                sum[j] += (uint64_t)popcount(w[u * PLANE_LANES + j] & a[v]) << (u + v);
}

static void dot_planes(const infer_matrix *m, const infer_rows *r, uint32_t shift, uint64_t *acc)
{
    const size_t words = infer_row_stride(m->depth) / WORD_BITS;
    for (size_t i = 0; i < r->n; i++) {
        for (size_t q = 0; q < words; q++)
            split_planes(r->codes + i * r->stride + q * WORD_BITS, r->bits,
                         r->scratch + q * r->bits);
        for (size_t b = 0; b < m->k_stride / PLANE_LANES; b++) {
            const uint64_t *w = (const uint64_t *)m->data + b * words * m->bits * PLANE_LANES;
            uint64_t sum[PLANE_LANES] = {0};
            for (size_t q = 0; q < words; q++, w += m->bits * PLANE_LANES)
                dot_planes_word(w, m->bits, r->scratch + q * r->bits, r->bits, sum);
            uint64_t *const out = acc + i * m->k_stride + b * PLANE_LANES;
            for (size_t j = 0; j < PLANE_LANES; j++) out[j] += sum[j] << shift;
        }
    }
}

const infer_kernel infer_kernel_planes = {"planes", everywhere, pack_planes, dot_planes};

/* ---- choice ---- */

const infer_kernel *const infer_kernels[] = {
    &infer_kernel_bytes,
    &infer_kernel_planes,
    &infer_kernel_bytes_vnni,
    &infer_kernel_planes_avx512,
};
const size_t infer_n_kernels = sizeof infer_kernels / sizeof *infer_kernels;

/* Bit products grow with both bitlengths, bytes cost the same at any: in plain C planes win up to
 * this. */
enum { PLANES_BIT_PRODUCTS = 4 };

const infer_kernel *infer_kernel_best(uint32_t weight_bits, uint32_t act_bits)
{
    if (infer_kernel_bytes_vnni.is_supported()) return &infer_kernel_bytes_vnni;
    if (infer_kernel_planes_avx512.is_supported()) return &infer_kernel_planes_avx512;
    return weight_bits * act_bits <= PLANES_BIT_PRODUCTS ? &infer_kernel_planes
                                                         : &infer_kernel_bytes;
}
