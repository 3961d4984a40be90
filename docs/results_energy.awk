# Points "name method energy_uj accuracy" to an SVG: accuracy over energy, one colour and shape a method;
# those that no other one of the method beats are joined. The energy axis is logarithmic.
function x_of(e) { return left + log(e / least) / log(most / least) * (width - left - right) }
function y_of(a) { return top + (high - a) / (high - low) * (height - top - bottom) }
function text(x, y, s, how) { printf "<text x=\"%.1f\" y=\"%.1f\" %s>%s</text>\n", x, y, how, s }
function mark(x, y, m, title) {
    if (m % 2) printf "<rect x=\"%.1f\" y=\"%.1f\" width=\"8\" height=\"8\" fill=\"%s\">", x - 4, y - 4, colour[m % n_colours + 1]
    else printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4.5\" fill=\"%s\">", x, y, colour[m % n_colours + 1]
    printf "<title>%s</title></%s>\n", title, m % 2 ? "rect" : "circle"
}
{
    n++; name[n] = $1; of[n] = $2; energy[n] = $3; acc[n] = $4
    if (!($2 in number)) { number[$2] = n_methods++; label[number[$2]] = $2 }
}
END {
    if (!n) exit
    n_colours = split("#1b9e77 #d95f02 #7570b3 #e7298a #66a61e #a6761d #1f78b4", colour, " ")
    width = 800; height = 460; left = 60; right = 150; top = 30; bottom = 50
    least = most = energy[1]; high = fp32; low = fp32
    for (i = 1; i <= n; i++) {
        if (energy[i] < least) least = energy[i]
        if (energy[i] > most) most = energy[i]
        if (acc[i] > high) high = acc[i]
        if (acc[i] >= fp32 - 0.2 && acc[i] < low) low = acc[i]
    }
    least /= 1.05; most *= 1.05
    low = int(100 * low - 0.5) / 100; high = int(100 * high + 1) / 100
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"13\">\n", width, height
    print "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>"
    step = high - low > 0.1 ? 0.05 : high - low > 0.04 ? 0.01 : 0.005
    for (a = int(low / step + 0.999) * step; a <= high + 1e-9; a += step) {
        printf "<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" stroke=\"#ddd\"/>\n", left, y_of(a), width - right, y_of(a)
        text(left - 6, y_of(a) + 4, sprintf("%.1f", 100 * a), "text-anchor=\"end\"")
    }
    n_ticks = split("1 2 3 5 7", tick, " ")
    for (decade = 10 ^ int(log(least) / log(10) - 1); decade <= most; decade *= 10) for (i = 1; i <= n_ticks; i++) {
        e = tick[i] * decade
        if (e < least || e > most) continue
        printf "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" stroke=\"#ddd\"/>\n", x_of(e), top, x_of(e), height - bottom
        text(x_of(e), height - bottom + 18, sprintf("%g", e), "text-anchor=\"middle\"")
    }
    printf "<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" stroke=\"#555\" stroke-dasharray=\"5 4\"/>\n", left, y_of(fp32), width - right, y_of(fp32)
    text(left + 6, y_of(fp32) - 5, sprintf("fp32 %.2f %%", 100 * fp32), "fill=\"#555\"")
    for (m = 0; m < n_methods; m++) {
        delete done
        points = ""; best = 0
        for (;;) {
            next_one = 0
            for (i = 1; i <= n; i++)
                if (number[of[i]] == m && !(i in done) && (!next_one || energy[i] < energy[next_one] || \
                    (energy[i] == energy[next_one] && acc[i] > acc[next_one]))) next_one = i
            if (!next_one) break
            done[next_one] = 1
            i = next_one
            if (acc[i] < low) { n_below++; continue }
            if (acc[i] > best) { points = points sprintf(" %.1f,%.1f", x_of(energy[i]), y_of(acc[i])); best = acc[i] }
            mark(x_of(energy[i]), y_of(acc[i]), m, sprintf("%s: %.3g µJ, %.2f %%", name[i], energy[i], 100 * acc[i]))
        }
        printf "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"1.2\" points=\"%s\"/>\n", colour[m % n_colours + 1], points
        mark(width - right + 18, top + 10 + 20 * m, m, label[m])
        text(width - right + 30, top + 15 + 20 * m, label[m], "")
    }
    if (n_below) text(left + 6, height - bottom - 8, sprintf("not shown, more than 20 points below fp32: %d", n_below), "fill=\"#555\"")
    text((left + width - right) / 2, height - 10, "energy of one image on " machine ", µJ", "text-anchor=\"middle\"")
    text(left - 6, 18, "test, %", "text-anchor=\"end\"")
    print "</svg>"
}
