/** Lists of utterances grow long, while one of them changes at a time. */

import { Component, type ComponentType } from "preact";
import type { Utterance } from "../shared/messages";

/** What the views of an utterance take. */
export interface UtteranceProps {
  utterance: Utterance;
  /** Opens the picture of an utterance. */
  show: (utterance: Utterance) => void;
}

/** Shows one utterance by `of`, and renders it anew only when the utterance is another object. */
export class ForUtterance extends Component<
  UtteranceProps & { of: ComponentType<UtteranceProps> }
> {
  override shouldComponentUpdate(next: UtteranceProps): boolean {
    return next.utterance !== this.props.utterance;
  }

  override render() {
    const { of: View, utterance, show } = this.props;
    return <View utterance={utterance} show={show} />;
  }
}
