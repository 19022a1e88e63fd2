// Replays transcripts on an engine: node dist/services/ledger/replay.js --engine ENGINE [--grpc] FILE...
// It starts no server: `npm run replay` does where none is given. docs/ledger.md says how operators use it.
import { replayCommand } from './replay/replay-command.js'

process.exitCode = await replayCommand(process.argv.slice(2), undefined)
