/** What can be chosen; it counts at once, what is asked of the service from the next recording on. */

import { DeviceSetting } from "./device-setting";
import { Dialog } from "./dialog";
import { Choice, Field } from "./field";
import { KeywordsField } from "./keywords-field";
import { LanguageOptions } from "./language-options";
import { models, serviceState, translates } from "./service";
import { choose, settings, type Theme } from "./settings";
import { SoundSetting } from "./sound-setting";
import { USUAL_LAYOUT } from "./subtitles";
import { VoiceSetting } from "./voice-setting";

/** How many pictures may be kept. An hour of speech makes about 18 MB. */
const KEPT_PICTURES = [
  { megabytes: 20, name: "20 MB" },
  { megabytes: 200, name: "200 MB" },
  { megabytes: 1_000, name: "1 GB" },
  { megabytes: 5_000, name: "5 GB" },
  { megabytes: 0, name: "All of them" },
];

/** The settings, in a dialog. */
export function SettingsDialog({ close }: { close: () => void }) {
  const { model, language, task, picture, pushToTalk, subtitles, keptPictures, theme, key } =
    settings.value;
  const chosen = models.value.find(({ id }) => id === model) ?? models.value[0];
  const translating = chosen ? translates(chosen) : false;
  return (
    <Dialog name="settings" title="Settings" close={close}>
      <DeviceSetting />
      <Field name="Model" note="The service's largest, unless you choose one">
        <select value={model} onChange={(event) => choose({ model: event.currentTarget.value })}>
          <option value="">Automatic{models.value[0] && ` (${models.value[0].id})`}</option>
          {models.value.map(({ id }) => (
            <option key={id} value={id}>
              {id}
            </option>
          ))}
        </select>
      </Field>
      <Field name="Language spoken">
        <select
          value={chosen && !chosen.languages.includes(language) ? "" : language}
          onChange={(event) => choose({ language: event.currentTarget.value })}
        >
          <LanguageOptions model={chosen?.id} also={language} />
        </select>
      </Field>
      <KeywordsField value={settings.value.keywords} onInput={(keywords) => choose({ keywords })} />
      <Choice
        name="Words"
        note={translating ? "" : "This model cannot translate"}
        value={task}
        options={[
          { value: "transcribe", label: "As spoken" },
          { value: "translate", label: "In English", disabled: !translating },
        ]}
        onChoose={(value) => choose({ task: value })}
      />
      <Choice
        name="Picture"
        note="Small ones lose a little; the words may suffer"
        value={picture}
        options={[
          { value: "png", label: "Exact (PNG)" },
          { value: "small", label: "Small" },
        ]}
        onChoose={(value) => choose({ picture: value })}
      />
      <VoiceSetting />
      <Choice
        name="Push to talk"
        note="The microphone hears while the space bar is held, and pauses when it is released"
        value={pushToTalk ? "on" : "off"}
        options={[
          { value: "off", label: "Off" },
          { value: "on", label: "Hold space" },
        ]}
        onChoose={(value) => choose({ pushToTalk: value === "on" })}
      />
      <SoundSetting />
      <Field name="Signs in a line of subtitles" note="Those of East Asia count two">
        <input
          type="number"
          min={8}
          value={subtitles.lineWidth}
          onChange={({ currentTarget: { valueAsNumber } }) => {
            const lineWidth = Math.max(8, Math.round(valueAsNumber) || USUAL_LAYOUT.lineWidth);
            choose({ subtitles: { ...subtitles, lineWidth } });
          }}
        />
      </Field>
      <Choice
        name="Lines of subtitles"
        value={String(subtitles.lines)}
        options={["1", "2", "3"].map((value) => ({ value, label: value }))}
        onChoose={(value) => choose({ subtitles: { ...subtitles, lines: Number(value) } })}
      />
      <Field name="Words of subtitles at once" note="As many as find room, unless you say so">
        <input
          type="number"
          min={1}
          placeholder="as many as find room"
          value={subtitles.words || ""}
          onChange={({ currentTarget: { valueAsNumber } }) => {
            const words = Math.max(0, Math.round(valueAsNumber) || 0);
            choose({ subtitles: { ...subtitles, words } });
          }}
        />
      </Field>
      <Field
        name="Pictures kept on this device"
        note="The oldest give way when there are more; words never do"
      >
        <select
          value={keptPictures}
          onChange={({ currentTarget: { value } }) => choose({ keptPictures: Number(value) })}
        >
          {KEPT_PICTURES.map(({ megabytes, name }) => (
            <option key={megabytes} value={megabytes}>
              {name}
            </option>
          ))}
        </select>
      </Field>
      <Choice<Theme>
        name="Appearance"
        value={theme}
        options={[
          { value: "auto", label: "As the system" },
          { value: "light", label: "Light" },
          { value: "dark", label: "Dark" },
        ]}
        onChoose={(value) => choose({ theme: value })}
      />
      {(key || serviceState.value.light === "locked") && (
        <Field name="Key" note="What the service asks for; it is kept in this browser">
          <input
            type="password"
            autocomplete="off"
            value={key}
            onChange={(event) => choose({ key: event.currentTarget.value.trim() })}
          />
        </Field>
      )}
    </Dialog>
  );
}
