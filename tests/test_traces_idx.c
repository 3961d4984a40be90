#include "gtck.h"
#include "traces/trace.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { ROWS = 50, COLUMNS = 37, HEADER = 12, N = HEADER + ROWS * COLUMNS };

static void make_idx(unsigned char file[N])
{
    static const unsigned char header[HEADER] = {0, 0, 8, 2, 0, 0, 0, ROWS, 0, 0, 0, COLUMNS};
    pare_rng r = pare_rng_new(3, 0);
    memcpy(file, header, HEADER);
    for (size_t i = HEADER; i < N; i++) file[i] = (unsigned char)pare_rng_below(&r, 16);
}

static size_t gzip(const unsigned char *in, size_t n, unsigned char *out, size_t size)
{
    z_stream z = {0};
    ck_assert_int_eq(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (z_const Bytef *)in;
    z.avail_in = (uInt)n;
    z.next_out = out;
    z.avail_out = (uInt)size;
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    const size_t done = z.total_out;
    deflateEnd(&z);
    return done;
}

static void assert_tensor(const pare_tensor *t, const unsigned char *file)
{
    ck_assert_int_eq(t->dtype, PARE_U8);
    ck_assert_uint_eq(t->n_dims, 2);
    ck_assert_uint_eq(t->dims[0], ROWS);
    ck_assert_uint_eq(t->dims[1], COLUMNS);
    ck_assert_mem_eq(t->data, file + HEADER, ROWS * COLUMNS);
}

START_TEST(plain_and_gzip_give_the_same_tensor)
{
    unsigned char file[N], packed[2 * N];
    pare_tensor t;
    make_idx(file);
    ck_assert_int_eq(pare_idx_parse("t", file, N, &t, NULL), PARE_OK);
    assert_tensor(&t, file);
    pare_tensor_free(&t);
    const size_t n = gzip(file, N, packed, sizeof packed);
    ck_assert_uint_lt(n, N);
    ck_assert_int_eq(pare_idx_parse("t.gz", packed, n, &t, NULL), PARE_OK);
    assert_tensor(&t, file);
    pare_tensor_free(&t);
}
END_TEST

START_TEST(every_cut_is_refused)
{
    unsigned char file[N], packed[2 * N];
    make_idx(file);
    const size_t n_packed = gzip(file, N, packed, sizeof packed);
    for (int k = 0; k < 2; k++) {
        const unsigned char *const whole = k ? packed : file;
        const size_t n = k ? n_packed : N;
        for (size_t cut = 0; cut < n; cut++) {
            unsigned char *const exact = malloc(cut ? cut : 1);
            pare_tensor t;
            pare_err e = {0};
            memcpy(exact, whole, cut);
            ck_assert_int_eq(pare_idx_parse("t", exact, cut, &t, &e), PARE_EINPUT);
            ck_assert_ptr_nonnull(strstr(e.text, "truncated"));
            ck_assert_ptr_null(t.data);
            free(exact);
        }
    }
}
END_TEST

/* the checksum covers every byte of the data; the header's name and time are not covered */
START_TEST(every_flipped_bit_of_the_compressed_data_is_refused)
{
    unsigned char file[N], packed[2 * N];
    make_idx(file);
    const size_t n = gzip(file, N, packed, sizeof packed);
    enum { GZIP_HEADER = 10 };
    for (size_t i = GZIP_HEADER; i < n; i++) {
        pare_tensor t;
        packed[i] ^= (unsigned char)(1u << i % 8);
        ck_assert_msg(pare_idx_parse("t", packed, n, &t, NULL) == PARE_EINPUT, "byte %zu", i);
        packed[i] ^= (unsigned char)(1u << i % 8);
    }
}
END_TEST

/* /usr/share/datasets/fashion-mnist, Debian's dataset-fashion-mnist */
START_TEST(fashion_mnist_has_ten_classes_of_equal_size)
{
    static const char path[] = "/usr/share/datasets/fashion-mnist/t10k-labels-idx1-ubyte.gz";
    pare_tensor t;
    pare_err e = {0};
    if (access(path, R_OK)) GTCK_SKIP("dataset-fashion-mnist is not installed");
    ck_assert_msg(pare_idx_load(path, &t, &e) == PARE_OK, "%s", e.text);
    ck_assert_uint_eq(t.n_dims, 1);
    ck_assert_uint_eq(t.count, 10000);
    size_t counts[256] = {0};
    for (size_t i = 0; i < t.count; i++) counts[((const unsigned char *)t.data)[i]]++;
    for (size_t c = 0; c < 256; c++) ck_assert_uint_eq(counts[c], c < 10 ? 1000 : 0);
    pare_tensor_free(&t);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const idx[] = {plain_and_gzip_give_the_same_tensor, every_cut_is_refused,
                                every_flipped_bit_of_the_compressed_data_is_refused,
                                fashion_mnist_has_ten_classes_of_equal_size, NULL};
    const gtck_case cases[] = {{.suite = "Idx", .tests = idx}};
    return gtck_main(argc, argv, "traces_idx", cases, sizeof cases / sizeof *cases);
}
