import type { Command } from 'commander'
import { ASKING_SETTINGS, clientSettings, isReadableOnTheWay, SENDING_SETTINGS } from '../config/client.ts'
import type { ClientToken } from '../config/client-token.ts'
import { type CliContext, note } from './context.ts'
import { GatewayClient } from './gateway-client.ts'
import { addSchemaOptions } from './setting-options.ts'
import { trustAlso } from './trusted-certificates.ts'

export interface GatewayFlags {
  readonly gateway?: string
  readonly token?: string
  readonly tokenFile?: string
  readonly caFile?: string
}

export interface IngestFlags {
  readonly ingest?: string
  readonly ingestToken?: string
  readonly ingestTokenFile?: string
  readonly caFile?: string
}

/** Where events are sent, and what is shown there. */
export interface IngestTarget {
  /** Base URL. */
  readonly url: string
  readonly token: ClientToken | undefined
}

export function addGatewayOptions(command: Command): Command {
  addSchemaOptions(command, ASKING_SETTINGS)
  return command
}

export function addIngestOptions(command: Command): Command {
  addSchemaOptions(command, SENDING_SETTINGS)
  return command
}

/** A client of the gateway in force. Throws a SettingError. */
export function openGateway(context: CliContext, flags: GatewayFlags): GatewayClient {
  const { gateway, token, caFile } = clientSettings(ASKING_SETTINGS, {
    gateway: flags.gateway,
    token: flags.token,
    'token-file': flags.tokenFile,
    'ca-file': flags.caFile,
  })
  if (caFile !== undefined) trustAlso(caFile)
  warnOfReaders(context, gateway, token)
  return new GatewayClient(gateway, token === undefined ? {} : { token })
}

/** The ingest in force. Throws a SettingError. */
export function openIngest(context: CliContext, flags: IngestFlags): IngestTarget {
  const { ingest, ingestToken, caFile } = clientSettings(SENDING_SETTINGS, {
    ingest: flags.ingest,
    'ingest-token': flags.ingestToken,
    'ingest-token-file': flags.ingestTokenFile,
    'ca-file': flags.caFile,
  })
  if (caFile !== undefined) trustAlso(caFile)
  warnOfReaders(context, ingest, ingestToken)
  return { url: ingest, token: ingestToken }
}

function warnOfReaders(context: CliContext, url: string, token: ClientToken | undefined): void {
  if (token === undefined || !isReadableOnTheWay(url)) return
  note(context, `warning: ${url} is no https: whoever is on the way can read the token, and use it`)
}
