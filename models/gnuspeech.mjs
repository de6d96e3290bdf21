// Speaks lines of JSON from standard input ({"text", "voice", "tempo", "file"}) into WAV files with gnuspeech.
import { writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

const { synthesize } = await import(pathToFileURL(process.argv[2]).href)
for await (const line of createInterface({ input: process.stdin })) {
  const { text, voice, tempo, file } = JSON.parse(line)
  const { audioData } = await synthesize(text, { voice, tempo, controlRate: 250 })
  writeFileSync(file, audioData)
}
