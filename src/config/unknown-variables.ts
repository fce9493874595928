import { CLIENT_SETTINGS } from './client.ts'
import { nearest } from './nearest.ts'
import type { Environment } from './resolve.ts'
import { CONFIG } from './role-settings.ts'
import { ALL_SETTINGS } from './roles.ts'
import { variableOf } from './setting.ts'

/** What Kubernetes makes for services called `meshtap` or `meshtap-…`. */
const OF_KUBERNETES = /_(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT(_.*)?)$/

/** `MESHTAP_` variables that no setting has, with the one that was probably meant. */
export function unknownVariables(
  environment: Environment = process.env,
): readonly { readonly name: string; readonly meant: string | undefined }[] {
  const names = [...ALL_SETTINGS.values(), ...Object.values(CLIENT_SETTINGS)].flatMap(({ name, secrecy }) =>
    secrecy === undefined ? [name] : [name, `${name}-file`],
  )
  const known = [...names, CONFIG].map(variableOf)
  return Object.keys(environment)
    .filter((name) => name.startsWith('MESHTAP_') && !known.includes(name) && !OF_KUBERNETES.test(name))
    .map((name) => ({ name, meant: nearest(name, known) }))
}
