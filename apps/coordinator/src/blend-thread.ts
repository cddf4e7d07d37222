import { blendExperiments } from '@baton/evaluation'
import { answerFromThread } from './in-thread.ts'

answerFromThread(blendExperiments)
