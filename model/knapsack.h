/* knapsack.h (private): bits for layers under a budget. */
#ifndef PARE_MODEL_KNAPSACK_H
#define PARE_MODEL_KNAPSACK_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct pare_knapsack_item {
    double value;    /* of one bit, not negative */
    uint64_t weight; /* of one bit */
} pare_knapsack_item;

/* One of the rising choices k for each item, with max sum(value * k) and sum(weight * k) <= budget:
 * the exact optimum, of equal ones the lightest. False if nothing fits. */
bool pare_knapsack(const pare_knapsack_item *items, size_t n, const uint32_t *k, size_t n_choices,
                   uint64_t budget, uint32_t *chosen);
#endif
