// `make demo`: plays the payment story against the mesh that `make up` runs.
import { commandLines } from './commands.js'
import { openRunningMesh } from './mesh-access.js'
import { STATE_FOLDER } from './state-folder.js'
import { playStory } from './story.js'
import { runCommand } from './terminal.js'

await runCommand(async () => {
  const mesh = openRunningMesh(STATE_FOLDER)
  const story = await playStory(mesh, console.log)
  console.log(['', ...commandLines(mesh, story)].join('\n'))
})
