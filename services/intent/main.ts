import { runService } from '../runtime/process.js'
import { readConfig } from './config.js'
import { killAt } from './crash-points.js'
import { startIntentService } from './service.js'

runService('intent', async ({ log, metrics }) => {
  const config = readConfig()
  return await startIntentService(config, { log, metrics, crashPoint: killAt(config.crashAt) })
})
