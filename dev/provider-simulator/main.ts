// The providers of `make up`, in one process: `main.js <name>=<port> …`, with their secrets in the environment.
import { startProviderSimulator } from './simulator.js'

const simulators = await Promise.all(
  process.argv.slice(2).map(async (argument) => {
    const [name = '', port = ''] = argument.split('=')
    const simulator = await startProviderSimulator({
      key: variable(name, 'KEY'),
      callbackSecret: variable(name, 'CALLBACK_SECRET'),
      journalFile: variable(name, 'JOURNAL_FILE'),
      port: Number(port),
    })
    console.log(`${name} at ${simulator.url}`)
    return simulator
  }),
)

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => void Promise.all(simulators.map((simulator) => simulator.stop())).then(() => process.exit()))
}

function variable(name: string, what: string): string {
  const value = process.env[`${name.toUpperCase()}_${what}`]
  if (value === undefined) throw new Error(`${name.toUpperCase()}_${what} is missing`)
  return value
}
