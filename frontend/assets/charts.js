// The part of ECharts that the dashboard draws with, and a thin handle around an instance.
// Options arrive as JSON text from the WebAssembly side (made with charming); nothing here knows what they show.
import { BarChart, LineChart, ScatterChart, TreemapChart } from "echarts/charts";
import { AriaComponent, DataZoomComponent, GridComponent, LegendComponent, MarkLineComponent, MarkPointComponent, TooltipComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";

use([
  AriaComponent,
  BarChart,
  CanvasRenderer,
  DataZoomComponent,
  GridComponent,
  LegendComponent,
  LineChart,
  MarkLineComponent,
  MarkPointComponent,
  ScatterChart,
  TooltipComponent,
  TreemapChart,
]);

// Colors and type come from the style sheet, so that light and dark follow the page.
const token = (style, name) => style.getPropertyValue(name).trim();

const theme = () => {
  const style = getComputedStyle(document.documentElement);
  const text = token(style, "--ab-text");
  const subtle = token(style, "--ab-text-subtle");
  const line = token(style, "--ab-line");
  const axis = {
    axisLine: { show: true, lineStyle: { color: line } },
    axisTick: { show: false },
    axisLabel: { color: subtle },
    nameTextStyle: { color: subtle },
    splitLine: { lineStyle: { color: line } },
  };
  return {
    color: Array.from({ length: 8 }, (_, i) => token(style, `--ab-series-${i + 1}`)),
    backgroundColor: "transparent",
    textStyle: { fontFamily: token(style, "--ab-font"), color: text, fontSize: 12 },
    legend: { textStyle: { color: text }, inactiveColor: line, icon: "roundRect", itemWidth: 12, itemHeight: 4 },
    tooltip: {
      backgroundColor: token(style, "--ab-floating"),
      borderColor: line,
      borderWidth: 1,
      textStyle: { color: text, fontSize: 12 },
      axisPointer: { lineStyle: { color: subtle }, crossStyle: { color: subtle } },
    },
    categoryAxis: { ...axis, splitLine: { show: false } },
    valueAxis: axis,
    bar: { barMaxWidth: 28, itemStyle: { borderRadius: [3, 3, 0, 0] } },
    line: { symbol: "circle", symbolSize: 5, lineStyle: { width: 2 } },
  };
};

// Fractions become percentages on axes named "percent" and in series whose name ends in " (percent)".
// The options cannot say it themselves: functions do not travel as JSON, and text that becomes code is not allowed here.
const percent = (value) => (typeof value === "number" ? `${(value * 100).toFixed(1)}%` : "–");

const prepare = (json) => {
  const option = JSON.parse(json);
  const axes = [option.xAxis, option.yAxis].flat().filter(Boolean);
  for (const axis of axes) {
    if (axis.name === "percent") {
      delete axis.name;
      const digits = axis.scale ? 1 : 0;
      axis.axisLabel = { ...axis.axisLabel, formatter: (value) => `${(value * 100).toFixed(digits)}%` };
    }
  }
  for (const series of option.series ?? []) {
    const suffix = " (percent)";
    if (typeof series.name === "string" && series.name.endsWith(suffix)) {
      series.name = series.name.slice(0, -suffix.length);
      series.tooltip = { valueFormatter: percent };
    }
  }
  const subtle = token(getComputedStyle(document.documentElement), "--ab-text-subtle");
  for (const series of option.series ?? []) {
    // A name that stays lets a growing series move on instead of being drawn anew.
    series.id ??= series.name;
    if (series.name === "each step") {
      series.lineStyle = { ...series.lineStyle, color: subtle };
      series.itemStyle = { color: subtle };
    }
    if (series.markLine) {
      series.markLine.label = { ...series.markLine.label, color: subtle, textBorderWidth: 0 };
      series.markLine.lineStyle = { ...series.markLine.lineStyle, color: subtle };
    }
  }
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) option.animation = false;
  return option;
};

export const create = (element, json) => {
  const chart = init(element, theme(), { renderer: "canvas" });
  chart.setOption(prepare(json));
  const observer = new ResizeObserver(() => chart.resize({ animation: { duration: 0 } }));
  observer.observe(element);
  return {
    update: (next) => chart.setOption({ ...prepare(next), animation: false }, { replaceMerge: ["series"] }),
    dispose: () => {
      observer.disconnect();
      chart.dispose();
    },
  };
};
