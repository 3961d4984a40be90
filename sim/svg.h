/* svg.h: the pieces of our static pictures; not for anyone else. Lengths are pixels of SVG. */
#ifndef PARE_SVG_H
#define PARE_SVG_H
#include "sim/questions.h"

/* Room for text around a plot. */
enum { SVG_LEFT = 70, SVG_RIGHT = 14, SVG_TOP = 54, SVG_BOTTOM = 52 };

typedef struct svg_scale {
    double low, high; /* values at the two ends of the pixels */
    double from_px, to_px;
    bool is_log;
} svg_scale;

/* Okabe and Ito 2008: told apart by the colour-blind; any i. */
const char *svg_color(size_t i);

/* Begins a picture with its title for screen readers, and ends it. */
void svg_open(pare_buf *b, uint32_t width_px, uint32_t height_px, const char *title);
void svg_close(pare_buf *b);
/* anchor: "start", "middle", "end". */
void svg_text(pare_buf *b, double x, double y, const char *anchor, const char *style,
              const char *text);
void svg_rect(pare_buf *b, double x, double y, double width, double height, const char *color);
void svg_line(pare_buf *b, double x0, double y0, double x1, double y1, const char *style);
/* Marker `i` of a series: circle, square, triangle, diamond ...; with a tooltip unless NULL. */
void svg_marker(pare_buf *b, size_t i, double x, double y, const char *color, const char *tip);

double svg_px(const svg_scale *s, double value);
/* A scale over the plot's width (or height, upwards) that holds low..high with some room. */
svg_scale svg_scale_x(uint32_t width_px, double low, double high, bool is_log);
svg_scale svg_scale_y(uint32_t height_px, double low, double high, bool is_log);
/* Lines, numbers and the axis' label; `divide_by` turns values into the label's unit. */
void svg_axis_x(pare_buf *b, const svg_scale *x, const svg_scale *y, double divide_by,
                const char *label);
void svg_axis_y(pare_buf *b, const svg_scale *x, const svg_scale *y, double divide_by,
                const char *label);
/* The next entry of the legend above the plot, in two rows at most. */
typedef struct svg_key {
    double width_px; /* of the picture */
    double at_px;
    int row;
} svg_key;
void svg_legend(pare_buf *b, svg_key *key, size_t marker, const char *color, const char *text);
/* Names below the plot, turned where they are many. */
void svg_names(pare_buf *b, const svg_scale *y, const char *name, double x_px, bool is_turned);

#endif
