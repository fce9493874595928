import { hostname } from 'node:os'
import type { Command } from 'commander'
import type { ProxyFlags } from '../../proxy/proxy-flags.ts'
import type { RunningProxy } from '../../proxy/proxy.ts'
import type { CliContext } from '../context.ts'
import { addIngestOptions, type IngestFlags, openIngest } from '../servers.ts'
import { stderrLog } from '../stderr-log.ts'
import { aborted, untilStopped } from '../stop-signal.ts'

type Flags = Omit<ProxyFlags, 'ingest'> & IngestFlags

export function configure(command: Command, context: CliContext): void {
  command
    .description(
      'A sidecar: an HTTP proxy in front of a workload, or between it and those it calls, that reports every request to ' +
        'meshtap.',
    )
    .requiredOption('--workload <resource>', 'the workload whose sidecar this is: deploy/web')
    .requiredOption('-n, --namespace <name>', 'its namespace')
    .option('--cluster <name>', 'its cluster')
    .option('--pod <name>', 'its pod (default: made of the name of this machine)')
    .option('--service <name>', 'the service that it is called by')
    .option('--listen <address>', 'where requests to the workload come in', '127.0.0.1:8080')
    .option('--upstream <url>', 'where the workload is: http://127.0.0.1:3000')
    .option('--direction <direction>', 'what the requests to --upstream are: inbound or outbound', 'inbound')
    .option('--source <resource>', 'who sends requests that do not say so: deploy/vote-bot')
    .option('--outbound-listen <address>', 'where requests of the workload to others come in')
    .option('--route <host=urls...>', 'where those to a host go: voting-svc:80=http://10.0.0.7:8080')
    .option('--destination <resource>', 'what requests go to that neither a sidecar nor the host tells')
    .option(
      '--headers <names...>',
      'headers to report with each request, which everyone who may tap can read',
    )
    .option('--spool <directory>', 'where events wait, across restarts, while meshtap is away')
  addIngestOptions(command)
  command
    .addHelpText(
      'after',
      `
Examples:
  meshtap proxy --listen 127.0.0.1:8080 --upstream http://127.0.0.1:3000 --workload deploy/web -n shop
  meshtap proxy --workload deploy/web -n shop --outbound-listen 127.0.0.1:8081 --route cart-svc=http://127.0.0.1:3001`,
    )
    .action((flags: Flags) => run(context, flags))
}

async function run(context: CliContext, flags: Flags): Promise<void> {
  const { url, token } = openIngest(context, flags)
  const { proxyOptions } = await import('../../proxy/proxy-flags.ts')
  const { startProxy } = await import('../../proxy/proxy.ts')
  const options = {
    ...proxyOptions({ ...flags, ingest: url }, hostname()),
    ...(token === undefined ? {} : { ingestToken: () => token.current() }),
  }
  const proxy = await untilStopped(async (signal) => {
    const proxy = await startProxy({ ...options, log: stderrLog(context) })
    try {
      context.stdout.write(banner(proxy, url))
      await aborted(signal)
    } finally {
      await proxy.close()
    }
    return proxy
  })
  const { requests, reporter } = proxy.stats
  const kept = reporter.spool?.events ?? 0
  const lost = reporter.reported + (reporter.spool?.recovered ?? 0) - reporter.sent - kept
  context.stdout.write(
    `passed ${requests} requests on, reported ${reporter.sent} events${kept === 0 ? '' : `, keep ${kept}`}${lost === 0 ? '' : `, lost ${lost}`}\n`,
  )
}

function banner({ inboundUrl, outboundUrl }: RunningProxy, ingest: string): string {
  return [
    ...(inboundUrl === undefined ? [] : [`inbound   ${inboundUrl}`]),
    ...(outboundUrl === undefined ? [] : [`outbound  ${outboundUrl}`]),
    `reports   ${ingest}`,
  ]
    .map((line) => `${line}\n`)
    .join('')
}
