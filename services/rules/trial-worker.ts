// The thread that tries documents and expressions of operators. See trials.ts.
import { parentPort, workerData } from 'node:worker_threads'
import { runTrial, type TrialJob } from './trial-job.js'
import type { TrialMessage } from './trials.js'

// A first expression takes longer than any later one, since everything is loaded and compiled by it.
const warmUp: TrialJob = { kind: 'try', source: '"a" in payer.tags && amount > 1', result: 'bool', facts: undefined }

function send(message: TrialMessage): void {
  parentPort?.postMessage(message)
}

/** Says that the thread goes on. */
function countStep(): void {
  if (workerData instanceof Int32Array) Atomics.add(workerData, 0, 1)
}

runTrial(warmUp, () => undefined)
parentPort?.on('message', (job: TrialJob) => {
  try {
    const result = runTrial(job, countStep)
    send({ kind: 'done', result })
  } catch (error) {
    send({ kind: 'failed', error })
  }
})
send({ kind: 'ready' })
