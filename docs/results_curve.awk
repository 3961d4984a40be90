# Points "name weight_bits act_bits accuracy" to an SVG: accuracy over the mean of both bitlengths,
# runs with learned bitlengths and runs with fixed ones as two lines; fp32 as a dashed one.
function x_of(bits) { return left + (bits - 1) / (most - 1) * (width - left - right) }
function y_of(a) { return top + (high - a) / (high - low) * (height - top - bottom) }
function line(is_fixed, colour,   i, points) {
    for (i = 1; i <= n; i++) if (fixed[i] == is_fixed) points = points " " x_of(bits[i]) "," y_of(acc[i])
    printf "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" points=\"%s\"/>\n", colour, points
    for (i = 1; i <= n; i++) if (fixed[i] == is_fixed) {
        printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"%s\"><title>%s: %.2f bits, %.2f %%</title></circle>\n", \
            x_of(bits[i]), y_of(acc[i]), colour, name[i], bits[i], 100 * acc[i]
    }
}
function text(x, y, s, how) { printf "<text x=\"%.1f\" y=\"%.1f\" %s>%s</text>\n", x, y, how, s }
{ n++; name[n] = $1; bits[n] = ($2 + $3) / 2; acc[n] = $4; fixed[n] = $1 ~ /_w[0-9]+a[0-9]+$/ }
END {
    width = 640; height = 400; left = 60; right = 20; top = 20; bottom = 50; most = 8
    low = fp32; high = fp32
    for (i = 1; i <= n; i++) { if (acc[i] < low) low = acc[i]; if (acc[i] > high) high = acc[i] }
    low = int(100 * low - 1) / 100; high = int(100 * high + 1.5) / 100
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"13\">\n", width, height
    print "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>"
    for (b = 1; b <= most; b++) {
        printf "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" stroke=\"#ddd\"/>\n", x_of(b), top, x_of(b), height - bottom
        text(x_of(b), height - bottom + 18, b, "text-anchor=\"middle\"")
    }
    step = high - low > 0.1 ? 0.05 : high - low > 0.04 ? 0.01 : 0.005
    for (a = int(low / step + 0.999) * step; a <= high + 1e-9; a += step) {
        printf "<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" stroke=\"#ddd\"/>\n", left, y_of(a), width - right, y_of(a)
        text(left - 6, y_of(a) + 4, sprintf("%.1f", 100 * a), "text-anchor=\"end\"")
    }
    printf "<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" stroke=\"#555\" stroke-dasharray=\"5 4\"/>\n", left, y_of(fp32), width - right, y_of(fp32)
    text(left + 6, y_of(fp32) - 5, sprintf("fp32 %.2f %%", 100 * fp32), "fill=\"#555\"")
    line(1, "#d95f02"); line(0, "#1b9e77")
    text(width - right - 6, height - bottom - 26, "learned (BitPruning)", "text-anchor=\"end\" fill=\"#1b9e77\"")
    text(width - right - 6, height - bottom - 8, "fixed", "text-anchor=\"end\" fill=\"#d95f02\"")
    text((left + width - right) / 2, height - 10, "mean bitlength of the layers, weights and activations", "text-anchor=\"middle\"")
    text(left - 6, 14, "test, %", "text-anchor=\"end\"")
    print "</svg>"
}
