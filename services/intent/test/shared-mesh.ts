// One mesh for all suites that do no harm to it. Started by the first, stopped after the run.
import { TestMesh } from './mesh.js'
import { type TestIntent } from './test-intent.js'

let mesh: Promise<TestMesh> | undefined
let intent: Promise<TestIntent> | undefined

export function sharedMesh(): Promise<TestMesh> {
  mesh ??= TestMesh.start()
  return mesh
}

export function sharedIntent(): Promise<TestIntent> {
  intent ??= sharedMesh().then((started) => started.startIntent())
  return intent
}
