/* sum_bins.c: which bin a dot product's sum falls into */
#include "rtl/sum_bins.h"

const char *const pare_sum_names[PARE_N_SUMS] = {"largest", "smallest", "zero", "minus one",
                                                 "other"};
const char *const pare_sum_fit_names[PARE_N_SUM_FITS] = {"fits", "beyond the largest",
                                                         "beyond the smallest"};

void pare_product_range(uint32_t act_bits, uint32_t weight_bits, uint32_t signs, int64_t *low,
                        int64_t *high)
{
    /* an extreme product has both operands at an end */
    const int64_t a[] = {signs & 1 ? -(int64_t)(1u << (act_bits - 1)) : 0,
                         (int64_t)(1u << (act_bits - (signs & 1))) - 1};
    const int64_t w[] = {signs >> 1 ? -(int64_t)(1u << (weight_bits - 1)) : 0,
                         (int64_t)(1u << (weight_bits - (signs >> 1))) - 1};
    *low = *high = a[0] * w[0];
    for (int i = 1; i < 4; i++) {
        const int64_t product = a[i & 1] * w[i >> 1];
        if (product < *low) *low = product;
        if (product > *high) *high = product;
    }
}

uint32_t pare_sum_bin(int64_t sum, int64_t n, uint32_t act_bits, uint32_t weight_bits,
                      uint32_t signs)
{
    int64_t low, high;
    pare_product_range(act_bits, weight_bits, signs, &low, &high);
    return sum == 0          ? PARE_SUM_ZERO
           : sum == n * high ? PARE_SUM_LARGEST
           : sum == n * low  ? PARE_SUM_SMALLEST
           : sum == -1       ? PARE_SUM_MINUS_ONE
                             : PARE_SUM_OTHER;
}

const char *pare_sum_why(const void *context, const uint32_t *values)
{
    (void)context;
    const bool is_negative = values[0] == PARE_SUM_SMALLEST || values[0] == PARE_SUM_MINUS_ONE;
    return is_negative && values[1] == 0 ? "unsigned operands have no negative sum" : NULL;
}

uint32_t pare_sum_fit(int64_t sum, uint32_t acc_bits)
{
    const int64_t end = (int64_t)1 << (acc_bits - 1);
    return sum >= end ? PARE_SUM_ABOVE : sum < -end ? PARE_SUM_BELOW : PARE_SUM_FITS;
}
