/* Static pictures as SVG: scales, axes, marks, legends. Every text goes through the escape. */
#include "sim/svg.h"

#include <math.h>
#include <string.h>

enum { TICKS = 5, LETTER_PX = 6, N_MARKERS = 6 };

const char *svg_color(size_t i)
{
    static const char *const colors[] = {"#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7",
                                         "#56B4E9", "#F0E442", "#7F7F7F", "#000000"};
    return colors[i % (sizeof colors / sizeof *colors)];
}

static void add_escaped(pare_buf *b, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '&': pare_buf_puts(b, "&amp;"); break;
        case '<': pare_buf_puts(b, "&lt;"); break;
        case '>': pare_buf_puts(b, "&gt;"); break;
        case '"': pare_buf_puts(b, "&quot;"); break;
        default: pare_buf_add(b, text, 1);
        }
    }
}

void svg_open(pare_buf *b, uint32_t width_px, uint32_t height_px, const char *title)
{
    pare_buf_printf(b,
                    "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" "
                    "viewBox=\"0 0 %u %u\" role=\"img\" font-family=\"Helvetica, Arial, "
                    "'DejaVu Sans', sans-serif\" font-size=\"11\">\n<title>",
                    width_px, height_px, width_px, height_px);
    add_escaped(b, title);
    pare_buf_puts(b, "</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n");
    svg_text(b, SVG_LEFT, 15, "start", "font-weight=\"bold\"", title);
}

void svg_close(pare_buf *b) { pare_buf_puts(b, "</svg>\n"); }

void svg_text(pare_buf *b, double x, double y, const char *anchor, const char *style,
              const char *text)
{
    pare_buf_printf(b, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" %s>", x, y, anchor, style);
    add_escaped(b, text);
    pare_buf_puts(b, "</text>\n");
}

void svg_rect(pare_buf *b, double x, double y, double width, double height, const char *color)
{
    pare_buf_printf(b, "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" fill=\"%s\"/>\n",
                    x, y, width, height, color);
}

void svg_line(pare_buf *b, double x0, double y0, double x1, double y1, const char *style)
{
    pare_buf_printf(b, "<line x1=\"%.2f\" y1=\"%.2f\" x2=\"%.2f\" y2=\"%.2f\" %s/>\n", x0, y0, x1,
                    y1, style);
}

void svg_marker(pare_buf *b, size_t i, double x, double y, const char *color, const char *tip)
{
    static const char *const paths[N_MARKERS] = {
        "M4,0A4,4 0 1 1 -4,0A4,4 0 1 1 4,0Z",
        "M-3.6,-3.6H3.6V3.6H-3.6Z",
        "M0,-4.8L4.4,3.2H-4.4Z",
        "M0,-5L5,0L0,5L-5,0Z",
        "M0,4.8L4.4,-3.2H-4.4Z",
        "M-1.6,-4.6H1.6V-1.6H4.6V1.6H1.6V4.6H-1.6V1.6H-4.6V-1.6H-1.6Z"};
    pare_buf_printf(b, "<path d=\"%s\" transform=\"translate(%.2f,%.2f)\" fill=\"%s\"",
                    paths[i % N_MARKERS], x, y, color);
    if (!tip) {
        pare_buf_puts(b, "/>\n");
        return;
    }
    pare_buf_puts(b, "><title>");
    add_escaped(b, tip);
    pare_buf_puts(b, "</title></path>\n");
}

double svg_px(const svg_scale *s, double value)
{
    const double part = s->is_log ? log(value / s->low) / log(s->high / s->low)
                                  : (value - s->low) / (s->high - s->low);
    return s->from_px + part * (s->to_px - s->from_px);
}

static svg_scale scale(double low, double high, bool is_log, double from_px, double to_px)
{
    svg_scale s = {low, high, from_px, to_px, is_log && low > 0};
    if (!(high > low)) {
        s.high = low > 0 ? 2 * low : low + 1;
        if (low > 0) s.low = low / 2;
    } else if (s.is_log) {
        const double room = pow(high / low, 0.05);
        s.low = low / room;
        s.high = high * room;
    } else {
        const double room = 0.05 * (high - low);
        if (low < 0 || low > room) s.low = low - room;
        s.high = high + room;
    }
    return s;
}

svg_scale svg_scale_x(uint32_t width_px, double low, double high, bool is_log)
{
    return scale(low, high, is_log, SVG_LEFT, (double)width_px - SVG_RIGHT);
}

svg_scale svg_scale_y(uint32_t height_px, double low, double high, bool is_log)
{
    return scale(low, high, is_log, (double)height_px - SVG_BOTTOM, SVG_TOP);
}

/* The ticks of a scale in values / divide_by; at most 64. */
static size_t ticks(const svg_scale *s, double divide_by, double out[64])
{
    const double low = s->low / divide_by, high = s->high / divide_by;
    size_t n = 0;
    if (s->is_log && high / low >= 8) {
        static const double fine[] = {1, 2, 5};
        const size_t n_fine = high / low < 1000 ? 3 : 1;
        for (int e = (int)floor(log10(low)); e <= (int)ceil(log10(high)); e++)
            for (size_t k = 0; k < n_fine && n < 64; k++) {
                const double t = fine[k] * pow(10, e);
                if (t >= low && t <= high) out[n++] = t;
            }
        return n;
    }
    const double raw = (high - low) / TICKS, unit = pow(10, floor(log10(raw)));
    const double step = raw <= unit       ? unit
                        : raw <= 2 * unit ? 2 * unit
                        : raw <= 5 * unit ? 5 * unit
                                          : 10 * unit;
    for (double t = ceil(low / step) * step; t <= high + step / 1e6 && n < 64; t += step)
        out[n++] = fabs(t) < step / 1e6 ? 0 : t;
    return n;
}

static const char GRID[] = "stroke=\"#ddd\" stroke-width=\"1\"";
static const char FRAME[] = "stroke=\"#333\" stroke-width=\"1\"";

void svg_axis_x(pare_buf *b, const svg_scale *x, const svg_scale *y, double divide_by,
                const char *label)
{
    double t[64], last = -1e9;
    const size_t n = ticks(x, divide_by, t);
    for (size_t i = 0; i < n; i++) {
        char text[32];
        const double px = svg_px(x, t[i] * divide_by);
        snprintf(text, sizeof text, "%.4g", t[i]);
        svg_line(b, px, y->from_px, px, y->to_px, GRID);
        const double half = (double)strlen(text) * LETTER_PX / 2;
        if (px - half < last) continue;
        svg_text(b, px, y->from_px + 15, "middle", "", text);
        last = px + half + LETTER_PX;
    }
    svg_line(b, x->from_px, y->from_px, x->to_px, y->from_px, FRAME);
    svg_text(b, (x->from_px + x->to_px) / 2, y->from_px + 36, "middle", "", label);
}

void svg_axis_y(pare_buf *b, const svg_scale *x, const svg_scale *y, double divide_by,
                const char *label)
{
    double t[64];
    const size_t n = ticks(y, divide_by, t);
    const double middle = (y->from_px + y->to_px) / 2;
    for (size_t i = 0; i < n; i++) {
        char text[32];
        const double px = svg_px(y, t[i] * divide_by);
        snprintf(text, sizeof text, "%.4g", t[i]);
        svg_line(b, x->from_px, px, x->to_px, px, GRID);
        svg_text(b, x->from_px - 6, px + 4, "end", "", text);
    }
    svg_line(b, x->from_px, y->from_px, x->from_px, y->to_px, FRAME);
    pare_buf_printf(b, "<g transform=\"translate(16,%.1f) rotate(-90)\">", middle);
    svg_text(b, 0, 0, "middle", "", label);
    pare_buf_puts(b, "</g>\n");
}

void svg_legend(pare_buf *b, svg_key *key, size_t marker, const char *color, const char *text)
{
    const double width = 26 + (double)strlen(text) * LETTER_PX;
    if (key->row == 0 && SVG_LEFT + key->at_px + width > key->width_px) {
        key->row = 1;
        key->at_px = 0;
    }
    const double x = SVG_LEFT + key->at_px + 5, y = 28 + 16 * key->row;
    svg_marker(b, marker, x, y, color, NULL);
    svg_text(b, x + 9, y + 4, "start", "", text);
    key->at_px += width;
}

void svg_names(pare_buf *b, const svg_scale *y, const char *name, double x_px, bool is_turned)
{
    if (!is_turned) {
        svg_text(b, x_px, y->from_px + 15, "middle", "", name);
        return;
    }
    pare_buf_printf(b, "<g transform=\"translate(%.1f,%.1f) rotate(-40)\">", x_px + 3,
                    y->from_px + 12);
    svg_text(b, 0, 0, "end", "font-size=\"9\"", name);
    pare_buf_puts(b, "</g>\n");
}
