// chart.mjs: the result of bench.mjs as a picture: bars of tokens a second for each file, and the curve over the context.

const WIDTH = 760;
const LABEL = 170;
const BAR = 16;
const COLOURS = { "llama.cpp, native": "#9aa5a0", "Sotto in Node": "#2f5d50", "Sotto in Chromium": "#5f9a88", "wllama in Chromium": "#c9a227", "llama.cpp's wasm in Node": "#8f6b1e" };

const text = (x, y, content, extra = "") => `<text x="${x}" y="${y}" ${extra}>${content}</text>`;

/** SVG of the whole result. */
export function chart({ files, curve, machine, date }) {
  const parts = [];
  let y = 24;
  y = legend(parts, y);
  for (const [key, title] of [["prefill", "Reading: tokens a second of a prompt of 256"], ["decode", "Writing: tokens a second"]]) {
    y = bars(parts, y + 30, title, key, files);
  }
  y = lines(parts, y + 40, curve);
  parts.push(text(0, y + 26, `One thread, ${machine}, ${date}. Medians of runs that took turns; only ratios count.`, 'class="small"'));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + 36}" font-family="sans-serif" font-size="13">` +
    `<style>text{fill:#333}.small{font-size:11px;fill:#777}@media(prefers-color-scheme:dark){text{fill:#ddd}.small{fill:#999}}</style>` +
    `${parts.join("")}</svg>\n`;
}

function legend(parts, y) {
  let x = 0;
  for (const [name, colour] of Object.entries(COLOURS)) {
    if (x + 20 + 7 * name.length > WIDTH) {
      x = 0;
      y += 18;
    }
    parts.push(`<rect x="${x}" y="${y - 11}" width="12" height="12" fill="${colour}"/>`, text(x + 18, y, name));
    x += 40 + 7 * name.length;
  }
  return y;
}

function bars(parts, top, title, key, files) {
  parts.push(text(0, top, title, 'font-weight="bold"'));
  const rows = Object.entries(files).map(([name, { short, rivals }]) => [name, Object.entries({ ...short, ...rivals })]);
  const most = Math.max(...rows.flatMap(([, engines]) => engines.map(([, result]) => result[key].median)));
  let y = top + 12;
  for (const [name, engines] of rows) {
    parts.push(text(0, y + BAR, name));
    for (const [engine, result] of engines) {
      const { median } = result[key];
      const width = Math.max(1, (WIDTH - LABEL - 60) * median / most);
      parts.push(`<rect x="${LABEL}" y="${y}" width="${width.toFixed(1)}" height="${BAR - 3}" fill="${COLOURS[engine]}"/>`,
        text((LABEL + width + 6).toFixed(1), y + BAR - 5, Math.round(median), 'class="small"'));
      y += BAR;
    }
    y += 8;
  }
  return y;
}

function lines(parts, top, curve) {
  parts.push(text(0, top, "Writing, by tokens of context (SmolLM2 Q4_1): tokens a second", 'font-weight="bold"'));
  const depths = Object.keys(curve).map(Number);
  const height = 150;
  const most = Math.max(...Object.values(curve).flatMap((engines) => Object.values(engines).map((e) => e.decode.median)));
  const x = (depth) => LABEL + (WIDTH - LABEL - 60) * depth / Math.max(1, ...depths);
  const y = (rate) => top + 20 + height * (1 - rate / most);
  for (const name of Object.keys(curve[depths[0]])) {
    const points = depths.map((depth) => [x(depth), y(curve[depth][name].decode.median), curve[depth][name].decode.median]);
    parts.push(`<polyline fill="none" stroke="${COLOURS[name]}" stroke-width="2" points="${points.map(([a, b]) => `${a.toFixed(1)},${b.toFixed(1)}`).join(" ")}"/>`);
    for (const [a, b, rate] of points) parts.push(text(a.toFixed(1), (b - 6).toFixed(1), Math.round(rate), 'class="small" text-anchor="middle"'));
  }
  for (const depth of depths) parts.push(text(x(depth).toFixed(1), top + height + 38, depth.toLocaleString("en"), 'class="small" text-anchor="middle"'));
  return top + height + 40;
}
