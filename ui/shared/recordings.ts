/** What recordings are called. */

/** How their names end, as in hush/inputs.py. */
const ENDING =
  /\.(3ga|3gp|aac|ac3|aif|aifc|aiff|alac|amr|ape|asf|au|avi|caf|dts|eac3|flac|flv|m2ts|m4a|m4b|m4v|mka|mkv|mov|mp2|mp3|mp4|mpeg|mpg|mts|mxf|oga|ogg|ogm|ogv|opus|ra|rm|snd|spx|tta|vob|voc|w64|wav|wave|weba|webm|wma|wmv|wv)$/i;

/** Whether a file is a recording, by its name. */
export function isRecording(name: string): boolean {
  return ENDING.test(name);
}
