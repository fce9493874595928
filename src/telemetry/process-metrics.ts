import { collectDefaultMetrics, Registry } from 'prom-client'
import type { OwnSamples } from './own-samples.ts'
import { registrySamples } from './registry-samples.ts'

/**
 * Of what prom-client tells of any process of Node, what is right by Prometheus' conventions. Left out are gauges that are
 * called `_total`, what Node advises against, and the delay of the event loop, which meshtap_event_loop_delay_seconds has without the 10 ms that are
 * added here.
 */
export const PROCESS_NAMES: readonly string[] = [
  'process_cpu_user_seconds_total',
  'process_cpu_system_seconds_total',
  'process_cpu_seconds_total',
  'process_start_time_seconds',
  'process_resident_memory_bytes',
  'process_virtual_memory_bytes',
  'process_heap_bytes',
  'process_open_fds',
  'process_max_fds',
  'nodejs_active_resources',
  'nodejs_heap_size_total_bytes',
  'nodejs_heap_size_used_bytes',
  'nodejs_external_memory_bytes',
  'nodejs_heap_space_size_total_bytes',
  'nodejs_heap_space_size_used_bytes',
  'nodejs_heap_space_size_available_bytes',
  'nodejs_version_info',
  'nodejs_gc_duration_seconds',
]

/** What a process says of itself. */
export class ProcessMetrics {
  static #ofProcess: ProcessMetrics | undefined
  readonly #registry = new Registry()

  private constructor() {
    collectDefaultMetrics({ register: this.#registry })
    for (const { name } of this.#registry.getMetricsAsArray()) {
      if (!PROCESS_NAMES.includes(name)) this.#registry.removeSingleMetric(name)
    }
  }

  /** There is one, as it listens to the garbage collector from when it is first asked for. */
  static ofProcess(): ProcessMetrics {
    return (this.#ofProcess ??= new ProcessMetrics())
  }

  samples(): Promise<readonly OwnSamples[]> {
    return registrySamples(this.#registry)
  }
}
