import { Command, CommanderError } from 'commander'
import { COMMANDS } from './catalogue.ts'
import { CliError } from './cli-error.ts'
import { type CliContext, note } from './context.ts'

const SUCCESS = 0
const FAILURE = 1
const USAGE = 2

/** Runs the command that the arguments name. Returns its exit code: 0 done, 1 failed, 2 typed wrong. */
export async function runCli(args: readonly string[], context: CliContext): Promise<number> {
  try {
    const program = await buildProgram(args, context)
    await program.parseAsync(args, { from: 'user' })
    return SUCCESS
  } catch (error) {
    return report(error, context)
  }
}

/** The program with all commands by name, of which only the one that is asked for is loaded. */
async function buildProgram(args: readonly string[], context: CliContext): Promise<Command> {
  const program = new Command('meshtap')
    .description('Live traffic of service meshes: exact stat, top and tap over any number of clusters.')
    .version(context.version, '-V, --version', 'Print the version')
    .helpOption('-h, --help', 'Print this help')
    .helpCommand('help [command]', 'Print the help of a command')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void context.stdout.write(text),
      writeErr: (text) => void context.stderr.write(text),
      // What follows a flag that was typed wrong may be a token.
      outputError: (text, write) => write(text.replace(/(unknown option '--[^'=]*=).*'/, "$1…'")),
      getOutHelpWidth: () => context.stdout.columns || 100,
      getErrHelpWidth: () => context.stderr.columns || 100,
      getOutHasColors: () => context.colors,
      getErrHasColors: () => false,
    })
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .showHelpAfterError('(see meshtap --help)')
    .addHelpText('after', EXAMPLES)
  const wanted = wantedCommand(args)
  for (const { name, summary, load } of COMMANDS) {
    const command = program.command(name).summary(summary).showHelpAfterError(`(see meshtap ${name} --help)`)
    if (name === wanted) (await load()).configure(command, context)
  }
  return program
}

const EXAMPLES = `
Examples:
  meshtap serve --demo
  meshtap stat deploy -n emojivoto
  meshtap top deploy/web -n emojivoto
  meshtap tap deploy/voting -n emojivoto --status failure`

function wantedCommand(args: readonly string[]): string | undefined {
  const [first, second] = args.filter((arg) => !arg.startsWith('-'))
  return first === 'help' ? second : first
}

function report(error: unknown, context: CliContext): number {
  // What commander says, it has written already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? SUCCESS : USAGE
  if (!isOperational(error)) {
    note(context, `BUG: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
    return FAILURE
  }
  note(context, `error: ${error.message}`)
  if (error instanceof CliError) return error.exitCode
  return USAGE_CODES.has(error.code) ? USAGE : FAILURE
}

/** Codes that other parts of meshtap have for what was typed wrong. */
const USAGE_CODES: ReadonlySet<string> = new Set([
  'BAD_SETTING',
  'PROXY_OPTION_INVALID',
  'PROXY_UPSTREAM_INVALID',
])

/** An error with a code: of a part of meshtap (`PROXY_LISTEN_FAILED`) or of the system (`EADDRINUSE`). */
function isOperational(error: unknown): error is Error & { readonly code: string } {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
}
