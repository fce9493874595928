import type { OWN_FAMILIES, OwnName } from '../../src/telemetry/own-families.ts'
import { quantileOf, sum } from './promql.ts'

/** Queries on meshtap's own metrics. Names and labels that there are none of do not compile. */
type Family<N extends OwnName> = Extract<(typeof OWN_FAMILIES)[number], { readonly name: N }>

/** Labels of a family, and what Prometheus says of where it was scraped. */
type LabelOf<N extends OwnName> = Family<N>['labels'][number] | 'instance' | 'job'
type NameOf<T extends 'counter' | 'gauge' | 'histogram'> = Extract<
  (typeof OWN_FAMILIES)[number],
  { readonly type: T }
>['name']

/** The name of a family, for selectors. */
export function own<const N extends OwnName>(name: N): N {
  return name
}

/** A counter's rate, added up. */
export function ownRate<const N extends NameOf<'counter'>>(
  name: N,
  by: readonly LabelOf<N>[],
  window: string,
  matchers = '',
): string {
  return sum(by, `rate(${name}{${matchers}}[${window}])`)
}

/** A gauge, added up. */
export function ownSum<const N extends NameOf<'gauge'>>(
  name: N,
  by: readonly LabelOf<N>[],
  matchers = '',
): string {
  return sum(by, `${name}{${matchers}}`)
}

/** The largest of a gauge. */
export function ownMax<const N extends NameOf<'gauge'>>(
  name: N,
  by: readonly LabelOf<N>[],
  matchers = '',
): string {
  return sum(by, `${name}{${matchers}}`).replace(/^sum/, 'max')
}

/** In seconds. */
export function ownQuantile<const N extends NameOf<'histogram'>>(
  quantile: number,
  name: N,
  by: readonly LabelOf<N>[],
  window: string,
  matchers = '',
): string {
  return quantileOf(quantile, sum(['le', ...by], `rate(${name}_bucket{${matchers}}[${window}])`))
}
