#include "gtck.h"
#include "traces/trace.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const pare_dtype dtypes[] = {PARE_F32, PARE_I8, PARE_U8, PARE_I16, PARE_U16, PARE_I32};
enum { N_DTYPES = sizeof dtypes / sizeof *dtypes };

static void temporary(char path[64])
{
    strcpy(path, "/tmp/pare_npy_XXXXXX");
    const int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
}

START_TEST(random_tensors_come_back_bit_for_bit)
{
    const uint64_t seed = 11;
    char path[64];
    printf("seed %llu\n", (unsigned long long)seed);
    temporary(path);
    for (unsigned trial = 0; trial < 120; trial++) {
        pare_rng r = pare_rng_new(seed, trial);
        const pare_dtype type = dtypes[trial % N_DTYPES];
        size_t dims[PARE_TENSOR_DIMS_MAX];
        const uint32_t n_dims = pare_rng_below(&r, PARE_TENSOR_DIMS_MAX + 1);
        for (uint32_t i = 0; i < n_dims; i++) dims[i] = 1 + pare_rng_below(&r, 4);
        pare_tensor t, again;
        ck_assert_int_eq(pare_tensor_new(type, n_dims, dims, &t, NULL), PARE_OK);
        const size_t n_bytes = t.count * pare_dtype_bytes(type);
        for (size_t i = 0; i < n_bytes; i++)
            ((unsigned char *)t.data)[i] = (unsigned char)pare_rng_u64(&r);
        pare_err e = {0};
        ck_assert_int_eq(pare_npy_save(path, &t, &e), PARE_OK);
        ck_assert_msg(pare_npy_load(path, &again, &e) == PARE_OK, "%s", e.text);
        ck_assert_int_eq(again.dtype, type);
        ck_assert_uint_eq(again.n_dims, n_dims);
        ck_assert_uint_eq(again.count, t.count);
        for (uint32_t i = 0; i < n_dims; i++) ck_assert_uint_eq(again.dims[i], dims[i]);
        ck_assert_mem_eq(again.data, t.data, n_bytes); /* NaNs with their payload as well */
        pare_tensor_free(&t);
        pare_tensor_free(&again);
    }
    unlink(path);
}
END_TEST

/* as numpy.save writes them: the data begins at a multiple of 64 */
START_TEST(the_file_is_numpys)
{
    char path[64];
    pare_tensor t;
    const size_t dims[] = {2, 3};
    temporary(path);
    ck_assert_int_eq(pare_tensor_new(PARE_I16, 2, dims, &t, NULL), PARE_OK);
    for (int16_t i = 0; i < 6; i++) ((int16_t *)t.data)[i] = (int16_t)(-1 - i);
    ck_assert_int_eq(pare_npy_save(path, &t, NULL), PARE_OK);
    char *bytes;
    size_t n;
    ck_assert_int_eq(pare_file_read(path, 1 << 20, &bytes, &n, NULL), PARE_OK);
    static const char head[] = "\x93NUMPY\x01\x00\x76\x00"
                               "{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3), }";
    ck_assert_uint_eq(n, 128 + 12);
    ck_assert_mem_eq(bytes, head, sizeof head - 1);
    for (size_t i = sizeof head - 1; i < 127; i++) ck_assert_int_eq(bytes[i], ' ');
    ck_assert_int_eq(bytes[127], '\n');
    ck_assert_mem_eq(bytes + 128, "\xff\xff\xfe\xff\xfd\xff", 6);
    free(bytes);
    pare_tensor_free(&t);
    unlink(path);
}
END_TEST

static pare_status parse_header(const char *header, pare_tensor *t)
{
    char file[512];
    const size_t n = strlen(header);
    static const float values[2] = {1.5f, -2.0f};
    memcpy(file, "\x93NUMPY\x02\x00", 8);
    const uint32_t length = (uint32_t)n;
    memcpy(file + 8, &length, 4);
    memcpy(file + 12, header, n);
    memcpy(file + 12 + n, values, sizeof values);
    return pare_npy_parse("t.npy", file, 12 + n + sizeof values, t, NULL);
}

START_TEST(version_2_and_any_python_spelling_of_the_header_are_read)
{
    static const char *const headers[] = {
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n",
        "{\"shape\":(2,),\"fortran_order\":False,\"descr\":\"<f4\"}",
        "  {'fortran_order' : False , 'shape' : ( 1 , 2 ) , 'descr' : '<f4' , }  ",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1,), }\n"};
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        pare_tensor t;
        ck_assert_msg(parse_header(headers[i], &t) == PARE_OK, "%s", headers[i]);
        ck_assert_uint_eq(t.count, 2);
        ck_assert_float_eq(((const float *)t.data)[1], -2.0f);
        pare_tensor_free(&t);
    }
}
END_TEST

START_TEST(every_cut_of_a_file_is_refused)
{
    static const char header[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n";
    char file[128];
    const size_t n = 10 + sizeof header - 1 + 8;
    memset(file, 0, sizeof file);
    memcpy(file, "\x93NUMPY\x01\x00", 8);
    file[8] = (char)(sizeof header - 1);
    memcpy(file + 10, header, sizeof header - 1);
    pare_tensor t;
    ck_assert_int_eq(pare_npy_parse("t", file, n, &t, NULL), PARE_OK);
    pare_tensor_free(&t);
    for (size_t cut = 0; cut < n; cut++) {
        char *const exact = malloc(cut ? cut : 1); /* so that a sanitizer sees a read beyond it */
        memcpy(exact, file, cut);
        pare_err e = {0};
        ck_assert_int_eq(pare_npy_parse("t", exact, cut, &t, &e), PARE_EINPUT);
        ck_assert_ptr_nonnull(strstr(e.text, cut < 8 ? "magic" : "truncated"));
        ck_assert_ptr_null(t.data);
        free(exact);
    }
}
END_TEST

START_TEST(a_tensor_that_cannot_be_is_a_failure_not_a_crash)
{
    pare_tensor t;
    pare_err e = {0};
    const size_t huge[] = {SIZE_MAX / 2, 4}, large[] = {SIZE_MAX / 8};
    ck_assert_int_eq(pare_tensor_new(PARE_F32, 2, huge, &t, &e), PARE_EFAIL);
    ck_assert_ptr_null(t.data);
    ck_assert_int_eq(pare_tensor_new(PARE_I32, 1, large, &t, NULL), PARE_EFAIL);
    ck_assert_int_eq(pare_tensor_new(PARE_I32, PARE_TENSOR_DIMS_MAX + 1, huge, &t, NULL),
                     PARE_EFAIL);
    pare_tensor_free(&t);
    pare_tensor_free(NULL);
}
END_TEST

START_TEST(not_finite_elements_are_found)
{
    pare_tensor t;
    const size_t dims[] = {100};
    ck_assert_int_eq(pare_tensor_new(PARE_F32, 1, dims, &t, NULL), PARE_OK);
    float *const x = t.data;
    ck_assert_int_eq(pare_tensor_check_finite("t", &t, NULL), PARE_OK);
    for (size_t i = 0; i < 100; i++) {
        pare_err e = {0};
        char text[64];
        x[i] = i % 2 ? NAN : INFINITY;
        ck_assert_int_eq(pare_tensor_check_finite("t", &t, &e), PARE_EINPUT);
        snprintf(text, sizeof text, "element %zu is %s", i, i % 2 ? "NaN" : "inf");
        ck_assert_ptr_nonnull(strstr(e.text, text));
        x[i] = 1;
    }
    pare_tensor_free(&t);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const npy[] = {random_tensors_come_back_bit_for_bit, the_file_is_numpys,
                                version_2_and_any_python_spelling_of_the_header_are_read,
                                every_cut_of_a_file_is_refused, NULL};
    const TTest *const tensor[] = {a_tensor_that_cannot_be_is_a_failure_not_a_crash,
                                   not_finite_elements_are_found, NULL};
    const gtck_case cases[] = {{.suite = "Npy", .tests = npy},
                               {.suite = "Tensor", .tests = tensor}};
    return gtck_main(argc, argv, "traces_npy", cases, sizeof cases / sizeof *cases);
}
