/* Layers in the SystemC platform, on a memory of random pace: every output equals the integer
 * reference's, and every record level 2's. SystemC allows one simulation a process, so each layer
 * has its own. */
#include "gtck.h"
#include "rtl/layer.h"
#include "rtl/platform.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SEED = 5, LAYERS = 24, LATENCY = 40 };

static pare_machine *load(const char *name)
{
    const char *const root = getenv("PARE_DATA") ? getenv("PARE_DATA") : ".";
    char path[512];
    pare_machine *m = NULL;
    pare_err e = {0};
    snprintf(path, sizeof path, "%s/sim/machines/%s.machine.yaml", root, name);
    ck_assert_msg(pare_machine_load(path, NULL, 0, &m, &e) == PARE_OK, "%s", e.text);
    return m;
}

static void no_event(void *context, const pare_event *event) { (void)context, (void)event; }

/* What a platform run needs. */
typedef struct setting {
    const pare_layer_job *job;
    pare_layer_image image;
    uint32_t *commands;
    size_t n_commands;
    uint64_t level2_cycles;
} setting;

/* false: the layer does not fit the machine */
static bool set_up(const pare_machine *machine, const pare_accel_params *p,
                   const pare_layer_job *job, setting *s)
{
    const pare_sim_job sim_job = {.layer = job->name,
                                  .type = "conv2d",
                                  .dims = job->dims,
                                  .weight_bits = job->weight_bits,
                                  .act_bits = job->act_bits,
                                  .out_bits = job->out_bits};
    const pare_sim_pace pace = {.latency_cycles = {LATENCY, LATENCY}};
    pare_machine m = *machine;
    m.memory.out_bits = job->raw ? 32 : job->out_bits > 8 ? 16 : 8;
    pare_sim_layer level2;
    pare_err e = {0};
    if (pare_sim_events_at(&m, &sim_job, &pace, no_event, NULL, &level2, &e) != PARE_OK)
        return false;
    *s = (setting){.job = job, .level2_cycles = level2.stats.cycles};
    ck_assert_msg(pare_layer_image_new(p, job, &level2.map, &s->image, &e) == PARE_OK, "%s",
                  e.text);
    s->commands =
        pare_xalloc(PARE_ACCEL_WORDS + (size_t)s->image.n_filters * PARE_ACCEL_FILTER_WORDS,
                    sizeof *s->commands);
    pare_accel_pack(&s->image.desc, s->commands);
    s->n_commands = PARE_ACCEL_WORDS;
    for (uint32_t k = 0; !job->raw && k < s->image.n_filters; k++) {
        if (k < job->dims.k) pare_accel_pack_filter(&job->filters[k], s->commands + s->n_commands);
        s->n_commands += PARE_ACCEL_FILTER_WORDS;
    }
    return true;
}

static void tear_down(setting *s)
{
    free(s->commands);
    pare_layer_image_free(&s->image);
}

static pare_platform_job platform_job(const setting *s)
{
    return (pare_platform_job){.machine = s->image.params,
                               .commands = s->commands,
                               .n_commands = s->n_commands,
                               .memory = s->image.memory,
                               .memory_bytes = s->image.words * (s->image.params->mem_bits / 8),
                               .latency_cycles = LATENCY,
                               .cycles_per_word = 1,
                               .limit_cycles = 4 * s->level2_cycles + 1000};
}

static int in_process(int (*run)(setting *), setting *s)
{
    fflush(stdout);
    const pid_t pid = fork();
    if (pid == 0) _exit(run(s));
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static void run_layers(const char *name)
{
    pare_machine *const m = load(name);
    const pare_accel_params *const p = pare_accel_find(name);
    const pare_layer_check check = {.machine = m, .params = p, .engine = pare_layer_run_platform};
    uint64_t n_run = 0, n_records = 0;
    for (uint64_t i = 0; i < LAYERS; i++) {
        pare_layer_random x;
        pare_layer_result r;
        pare_err e = {0};
        pare_layer_random_new(p, SEED, i, &x);
        if (pare_layer_verify_random(&check, &x, &r, &e) == PARE_OK) {
            ck_assert_msg(r.is_ok, "%s, seed %d, layer %llu: %s", name, SEED, (unsigned long long)i,
                          r.difference.text);
            ck_assert_uint_eq(r.rtl_cycles, r.level2_cycles);
            ck_assert_uint_gt(r.n_requests, 0);
            n_run++;
            n_records += r.n_records;
        }
        pare_layer_result_free(&r);
        pare_layer_random_free(&x);
    }
    printf("%s: %llu layers in the platform, %llu records, seed %d\n", name,
           (unsigned long long)n_run, (unsigned long long)n_records, SEED);
    ck_assert_uint_gt(n_run, LAYERS / 2);
    pare_machine_free(m);
}

START_TEST(layers_in_the_platform_have_level_2s_records) { run_layers("pare4"); }
END_TEST
START_TEST(also_skewed) { run_layers("pare4_skew"); }
END_TEST
START_TEST(also_narrow_memory_and_odd_sizes) { run_layers("pare_odd"); }
END_TEST
START_TEST(also_fusion_pes) { run_layers("pare_fusion_odd"); }
END_TEST
START_TEST(also_term_serial_pes) { run_layers("pare_term"); }
END_TEST

/* ---- what must go wrong ---- */

static int hangs(setting *s)
{
    pare_platform_job job = platform_job(s);
    job.limit_cycles = s->level2_cycles - 1;
    pare_platform_result r;
    pare_platform_run(&job, &r);
    return !r.has_ended && strstr(r.failure, "no answer") ? 0 : 1;
}

static int is_refused(setting *s)
{
    s->commands[1] = 0; /* bitlengths of 0 */
    const pare_platform_job job = platform_job(s);
    pare_platform_result r;
    pare_platform_run(&job, &r);
    return r.has_ended && r.status == PARE_ACCEL_STATUS_ACT_BITS && r.cycles == 0 ? 0 : 1;
}

static int slower_memory_takes_longer(setting *s)
{
    pare_platform_job job = platform_job(s);
    job.cycles_per_word = 3;
    job.limit_cycles *= 3;
    pare_platform_result r;
    pare_platform_run(&job, &r);
    return r.has_ended && r.status == PARE_ACCEL_STATUS_OK && r.cycles > s->level2_cycles ? 0 : 1;
}

/* The descriptor is cut short, so that the machine never answers. */
static int waits_in_setup(setting *s)
{
    pare_platform_job job = platform_job(s);
    job.n_commands = PARE_ACCEL_WORDS - 1;
    pare_platform_result r;
    pare_platform_run(&job, &r);
    return !r.has_ended && strstr(r.failure, "no answer") && r.cycles == 0 ? 0 : 1;
}

static int asks_beyond_memory(setting *s)
{
    pare_platform_job job = platform_job(s);
    job.memory_bytes = 1;
    pare_platform_result r;
    pare_platform_run(&job, &r);
    return !r.has_ended && strstr(r.failure, "not in the DRAM") ? 0 : 1;
}

START_TEST(a_hang_a_refusal_and_a_slow_memory)
{
    pare_machine *const m = load("pare4");
    pare_layer_random x;
    setting s;
    pare_layer_random_new(pare_accel_find("pare4"), SEED, 1, &x);
    ck_assert(set_up(m, pare_accel_find("pare4"), &x.job, &s));
    ck_assert_int_eq(in_process(hangs, &s), 0);
    ck_assert_int_eq(in_process(slower_memory_takes_longer, &s), 0);
    ck_assert_int_eq(in_process(waits_in_setup, &s), 0);
    ck_assert_int_eq(in_process(asks_beyond_memory, &s), 0);
    ck_assert_int_eq(in_process(is_refused, &s), 0);
    tear_down(&s);
    pare_layer_random_free(&x);
    pare_machine_free(m);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const tests[] = {layers_in_the_platform_have_level_2s_records,
                                  also_skewed,
                                  also_narrow_memory_and_odd_sizes,
                                  also_fusion_pes,
                                  also_term_serial_pes,
                                  a_hang_a_refusal_and_a_slow_memory,
                                  NULL};
    const gtck_case cases[] = {{.suite = "Platform", .tests = tests, .timeout_s = 60}};
    return gtck_main(argc, argv, "rtl_platform", cases, sizeof cases / sizeof *cases);
}
