import type * as cog from '@grafana/grafana-foundation-sdk/cog'
import {
  AxisColorMode,
  BigValueColorMode,
  BigValueGraphMode,
  GraphDrawStyle,
  GraphGradientMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  ScaleDistribution,
  ScaleDistributionConfigBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common'
import {
  type DashboardLink,
  type Panel,
  type Threshold,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard'
import {
  HeatmapColorMode,
  HeatmapColorOptionsBuilder,
  PanelBuilder as HeatmapBuilder,
  YAxisConfigBuilder,
} from '@grafana/grafana-foundation-sdk/heatmap'
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus'
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat'
import { PanelBuilder as StateTimelineBuilder } from '@grafana/grafana-foundation-sdk/statetimeline'
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries'
import type { Unit } from './units.ts'
import { DATASOURCE } from './variables.ts'

export type AnyPanel = cog.Builder<Panel>
type Link = cog.Builder<DashboardLink>

/** Of the 24 columns of a dashboard. */
export type Width = 3 | 4 | 6 | 8 | 12 | 24

interface About {
  readonly title: string
  readonly description?: string
  readonly unit: Unit
  readonly width?: Width
  readonly links?: readonly Link[]
}

/** Letters that queries are called by. */
function refId(index: number): string {
  return String.fromCharCode('A'.charCodeAt(0) + index)
}

/** One value, now, that may be compared with bounds. */
export function instantQuery(expr: string, index = 0): DataqueryBuilder {
  return new DataqueryBuilder().refId(refId(index)).datasource(DATASOURCE).expr(expr).instant()
}

function rangeQuery(expr: string, index = 0): DataqueryBuilder {
  return new DataqueryBuilder().refId(refId(index)).datasource(DATASOURCE).expr(expr).range()
}

function steps(of: readonly Threshold[]): ThresholdsConfigBuilder {
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([...of])
}

/** Colours of a success rate. */
export const SUCCESS_STEPS: readonly Threshold[] = [
  { value: null, color: 'red' },
  { value: 0.95, color: 'orange' },
  { value: 0.99, color: 'green' },
]
/** Colours of what should be 0. */
export const TROUBLE_STEPS: readonly Threshold[] = [
  { value: null, color: 'green' },
  { value: 0.000001, color: 'red' },
]
export const PLAIN_STEPS: readonly Threshold[] = [{ value: null, color: 'text' }]

export interface Line {
  readonly expr: string
  /** `{{workload}}` */
  readonly legend: string
}

interface Graph extends About {
  readonly lines: readonly Line[]
  /** Of a share: 1. */
  readonly max?: number
  /** Marks single requests with their traces, where the series has them. */
  readonly hasExemplars?: boolean
  /** Lines add up to a whole. */
  readonly isStacked?: boolean
}

/** Lines over time. */
export function graph(about: Graph): AnyPanel {
  const { title, description = '', unit, width = 8, links = [], lines, max } = about
  const panel = new TimeseriesBuilder()
    .title(title)
    .description(description)
    .datasource(DATASOURCE)
    .unit(unit)
    .min(0)
    .height(8)
    .span(width)
    .dataLinks([...links])
    .drawStyle(GraphDrawStyle.Line)
    .fillOpacity(about.isStacked ? 40 : 8)
    .gradientMode(GraphGradientMode.None)
    .showPoints(VisibilityMode.Never)
    .axisColorMode(AxisColorMode.Text)
    .legend(
      new VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .calcs([]),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
    .targets(
      lines.map(({ expr, legend }, i) =>
        rangeQuery(expr, i)
          .legendFormat(legend)
          .exemplar(about.hasExemplars ?? false),
      ),
    )
  if (about.isStacked) panel.stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A'))
  return max === undefined ? panel : panel.max(max)
}

interface Figure extends About {
  readonly expr: string
  readonly steps?: readonly Threshold[]
  /** Shown where the query has no result. */
  readonly noValue?: string
  readonly legend?: string
}

/** One number, as it is now. */
export function figure(about: Figure): AnyPanel {
  const { title, description = '', unit, width = 3, links = [], expr } = about
  return new StatBuilder()
    .title(title)
    .description(description)
    .datasource(DATASOURCE)
    .unit(unit)
    .height(4)
    .span(width)
    .dataLinks([...links])
    .noValue(about.noValue ?? 'no traffic')
    .thresholds(steps(about.steps ?? PLAIN_STEPS))
    .colorMode(BigValueColorMode.Value)
    .graphMode(BigValueGraphMode.None)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false).fields(''))
    .targets([instantQuery(expr).legendFormat(about.legend ?? '')])
}

interface States extends Omit<About, 'unit'> {
  readonly unit?: Unit
  readonly expr: string
  readonly legend: string
  readonly steps: readonly Threshold[]
}

/** When each of several was how well, one bar each. */
export function states(about: States): AnyPanel {
  const { title, description = '', unit = 'percentunit', width = 12, links = [], expr, legend } = about
  return new StateTimelineBuilder()
    .title(title)
    .description(description)
    .datasource(DATASOURCE)
    .unit(unit)
    .height(8)
    .span(width)
    .dataLinks([...links])
    .thresholds(steps(about.steps))
    .showValue(VisibilityMode.Never)
    .mergeValues(true)
    .rowHeight(0.8)
    .fillOpacity(80)
    .legend(new VizLegendOptionsBuilder().showLegend(false).displayMode(LegendDisplayMode.Hidden))
    .targets([rangeQuery(expr).legendFormat(legend)])
}

interface Heatmap extends Omit<About, 'unit'> {
  readonly expr: string
  readonly isNative: boolean
}

/** How many requests took how long, over time. */
export function heatmap({ title, description = '', width = 12, expr, isNative }: Heatmap): AnyPanel {
  return new HeatmapBuilder()
    .title(title)
    .description(description)
    .datasource(DATASOURCE)
    .height(8)
    .span(width)
    .calculate(false)
    .cellGap(1)
    .color(
      new HeatmapColorOptionsBuilder()
        .mode(HeatmapColorMode.Scheme)
        .scheme('Spectral')
        .steps(64)
        .exponent(0.5),
    )
    .yAxis(
      new YAxisConfigBuilder()
        .unit('ms')
        .scaleDistribution(new ScaleDistributionConfigBuilder().type(ScaleDistribution.Log).log(2)),
    )
    .showLegend()
    .exemplarsColor('rgba(255,0,255,0.7)')
    .targets([
      rangeQuery(expr)
        .format(isNative ? PromQueryFormat.TimeSeries : PromQueryFormat.Heatmap)
        .legendFormat('{{le}}')
        .exemplar(true),
    ])
}
