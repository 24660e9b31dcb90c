// load-chart.mjs: the result of load.mjs as a picture: seconds to the first token, and to the last byte of a bare fetch.

const WIDTH = 760;
const LABEL = 330;
const BAR = 16;
const WAYS = {
  fetch: ["#9aa5a0", "a bare fetch, last byte"], sotto: ["#2f5d50", "Sotto, first token"],
  kept: ["#5f9a88", "Sotto, kept, first token"], wllama: ["#c9a227", "wllama, first token"],
};

const text = (x, y, content, extra = "") => `<text x="${x}" y="${y}" ${extra}>${content}</text>`;

/** SVG of the whole result. */
export function loadChart(steps) {
  const parts = Object.values(WAYS).flatMap(([colour, name], i) => [
    `<rect x="${i * 190}" y="10" width="12" height="12" fill="${colour}"/>`, text(i * 190 + 18, 21, name)]);
  const timed = steps.filter(({ results }) => results.some(({ way }) => way === "fetch"));
  const secondsOf = ({ firstMs, readyMs }) => (firstMs ?? readyMs) / 1000;
  const most = Math.max(...timed.flatMap(({ results }) => results.map(secondsOf)));
  let y = 44;
  for (const { title, results } of timed) {
    parts.push(text(0, y + 12, title));
    for (const way of Object.keys(WAYS)) {
      const found = results.find((one) => one.way === way);
      if (!found) continue;
      const width = Math.max(1, (WIDTH - LABEL - 60) * secondsOf(found) / most);
      parts.push(`<rect x="${LABEL}" y="${y}" width="${width.toFixed(1)}" height="${BAR - 3}" fill="${WAYS[way][0]}"/>`,
        text((LABEL + width + 6).toFixed(1), y + BAR - 5, `${secondsOf(found).toFixed(1)} s`, 'class="small"'));
      y += BAR;
    }
    y += 10;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + 6}" font-family="sans-serif" font-size="13">` +
    `<style>text{fill:#333}.small{font-size:11px;fill:#777}@media(prefers-color-scheme:dark){text{fill:#ddd}.small{fill:#999}}</style>` +
    `${parts.join("")}</svg>\n`;
}
