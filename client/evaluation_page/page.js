// Draws the page's plots from the data that lies in it. What goes wrong is counted in the body's data-errors, and each
// canvas that is done says so in its data-drawn.
'use strict';

const body = document.body;
body.dataset.errors = '0';
function countError() {
  body.dataset.errors = String(Number(body.dataset.errors) + 1);
}
window.addEventListener('error', countError);
document.addEventListener('securitypolicyviolation', countError);

const colours = getComputedStyle(document.documentElement);
const colour = (name) => colours.getPropertyValue('--' + name).trim();

function scaleOf(axis) {
  const scale = {
    type: axis.logarithmic ? 'logarithmic' : 'linear',
    title: { display: true, text: axis.label, color: colour('text') },
    grid: { color: colour('line') },
    ticks: { color: colour('quiet'), maxRotation: 0 },
  };
  if (axis.from !== undefined) scale.min = axis.from;
  if (axis.to !== undefined) scale.max = axis.to;
  if (axis.ticks) {
    const labels = new Map(axis.ticks.map((tick) => [tick.at, tick.label]));
    scale.afterBuildTicks = (built) => {
      built.ticks = axis.ticks.filter((tick) => tick.at >= built.min && tick.at <= built.max)
                              .map((tick) => ({ value: tick.at }));
    };
    scale.ticks.callback = (value) => labels.get(value);
  }
  return scale;
}

function dataSetOf(series) {
  const ink = colour(series.ink);
  return {
    label: series.name,
    // A point without coordinates ends a line.
    data: series.pieces ? series.points.flatMap((point, i) => (i % 2 ? [point, { x: NaN, y: NaN }] : [point]))
                        : series.points,
    showLine: true,
    borderColor: ink,
    backgroundColor: series.filled ? ink + '40' : ink,
    borderWidth: 2,
    borderDash: series.dashed ? [6, 4] : [],
    pointRadius: series.dots ? 4 : 0,
    pointHitRadius: 6,
    stepped: series.stepped,
    fill: series.filled ? 'origin' : false,
  };
}

// An upright dashed line across the plot, with its label beside it.
const rulePlugin = {
  id: 'rule',
  afterDatasetsDraw(chart, _, options) {
    if (options.at === undefined) return;
    const { ctx, chartArea, scales } = chart;
    const x = scales.x.getPixelForValue(options.at);
    if (x < chartArea.left || x > chartArea.right) return;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = colour('green');
    ctx.setLineDash([6, 4]);
    ctx.beginPath();
    ctx.moveTo(x, chartArea.top);
    ctx.lineTo(x, chartArea.bottom);
    ctx.stroke();
    ctx.font = '12px system-ui, sans-serif';
    const leaves = x + 8 + ctx.measureText(options.label).width > chartArea.right;
    ctx.textAlign = leaves ? 'right' : 'left';
    ctx.fillText(options.label, leaves ? x - 6 : x + 6, chartArea.top + 12);
    ctx.restore();
  },
};

const drawnPlugin = {
  id: 'drawn',
  afterRender(chart) {
    chart.canvas.dataset.drawn = 'true';
  },
};

function draw(plot) {
  const canvas = document.getElementById('plot-' + plot.id);
  if (canvas === null) throw new Error('there is no place for the plot');
  new Chart(canvas, {
    type: 'scatter',
    data: { datasets: plot.series.map(dataSetOf) },
    plugins: [rulePlugin, drawnPlugin],
    options: {
      animation: false,
      maintainAspectRatio: false,
      interaction: { mode: 'nearest', intersect: false },
      scales: { x: scaleOf(plot.x), y: scaleOf(plot.y) },
      plugins: {
        rule: plot.rule ?? {},
        legend: { labels: { color: colour('text') } },
        tooltip: { callbacks: { label: (item) => item.raw.tip || item.dataset.label } },
      },
    },
  });
}

for (const plot of JSON.parse(document.getElementById('plots').textContent)) {
  try {
    draw(plot);
  } catch (error) {
    countError();
    console.error(plot.id, error);
  }
}
