# Points "name weight_bits act_bits accuracy" to an SVG: accuracy over the mean of both bitlengths: runs
# with learned bitlengths, such runs tuned for long, and runs with fixed ones; fp32 as a dashed line.
function x_of(bits) { return left + (bits - 1) / (most - 1) * (width - left - right) }
function y_of(a) { return top + (high - a) / (high - low) * (height - top - bottom) }
function text(x, y, s, how) { printf "<text x=\"%.1f\" y=\"%.1f\" %s>%s</text>\n", x, y, how, s }
function series(which, label, colour,   i, points) {
    for (i = 1; i <= n; i++) {
        if (kind[i] != which) continue
        if (acc[i] < low) {
            text(x_of(bits[i]), height - bottom - 6, sprintf("↓ %.2f", 100 * acc[i]), "text-anchor=\"middle\" fill=\"" colour "\"")
            continue
        }
        points = points sprintf(" %.1f,%.1f", x_of(bits[i]), y_of(acc[i]))
        printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"%s\"><title>%s: %.2f bits, %.2f %%</title></circle>\n", \
            x_of(bits[i]), y_of(acc[i]), colour, name[i], bits[i], 100 * acc[i]
    }
    if (points == "") return
    printf "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" points=\"%s\"/>\n", colour, points
    text(width - right - 6, height - bottom - 8 - 18 * n_labels++, label, "text-anchor=\"end\" fill=\"" colour "\"")
}
{
    n++; name[n] = $1; bits[n] = ($2 + $3) / 2; acc[n] = $4
    kind[n] = $1 ~ /_w[0-9]+a[0-9]+$/ ? "fixed" : $1 ~ /_mean/ ? "long" : "learned"
}
END {
    width = 640; height = 400; left = 60; right = 20; top = 20; bottom = 50; most = 8
    floor = fp32 - 0.2; low = high = fp32
    for (i = 1; i <= n; i++) {
        if (acc[i] < low && acc[i] >= floor) low = acc[i]
        if (acc[i] > high) high = acc[i]
    }
    low = int(100 * low - 2) / 100; high = int(100 * high + 1.5) / 100
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"13\">\n", width, height
    print "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>"
    for (b = 1; b <= most; b++) {
        printf "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" stroke=\"#ddd\"/>\n", x_of(b), top, x_of(b), height - bottom
        text(x_of(b), height - bottom + 18, b, "text-anchor=\"middle\"")
    }
    step = high - low > 0.1 ? 0.02 : high - low > 0.04 ? 0.01 : 0.005
    for (a = int(low / step + 0.999) * step; a <= high + 1e-9; a += step) {
        printf "<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" stroke=\"#ddd\"/>\n", left, y_of(a), width - right, y_of(a)
        text(left - 6, y_of(a) + 4, sprintf("%.1f", 100 * a), "text-anchor=\"end\"")
    }
    printf "<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" stroke=\"#555\" stroke-dasharray=\"5 4\"/>\n", left, y_of(fp32), width - right, y_of(fp32)
    text(left + 6, y_of(fp32) - 5, sprintf("fp32 %.2f %%", 100 * fp32), "fill=\"#555\"")
    series("fixed", "fixed", "#d95f02")
    series("learned", "learned (BitPruning)", "#1b9e77")
    series("long", "learned, tuned for long", "#7570b3")
    text((left + width - right) / 2, height - 10, "mean bitlength of the layers, weights and activations", "text-anchor=\"middle\"")
    text(left - 6, 14, "test, %", "text-anchor=\"end\"")
    print "</svg>"
}
