/** What rule files hold, as Prometheus has it. */
export interface RecordingRule {
  readonly record: string
  readonly expr: string
}

export interface AlertingRule {
  readonly alert: string
  readonly expr: string
  /** How long it must hold. */
  readonly for: string
  readonly labels: { readonly severity: 'page' | 'ticket' }
  readonly annotations: { readonly summary: string; readonly description: string }
}

export interface RuleGroup {
  readonly name: string
  readonly rules: readonly (RecordingRule | AlertingRule)[]
}
