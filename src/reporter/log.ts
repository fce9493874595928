/** Where a long-running part says what people should know. Loggers such as pino's fit. */
export interface Log {
  info(message: string): void
  warn(message: string): void
}

export const SILENT: Log = { info: () => {}, warn: () => {} }
