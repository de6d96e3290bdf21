/** Lists of segments grow long, while one of them changes at a time. */

import { Component, type ComponentType } from "preact";
import type { Segment } from "../shared/messages";

/** What the views of a segment take. */
export interface SegmentProps {
  segment: Segment;
  /** Opens the picture of a segment. */
  show: (segment: Segment) => void;
}

/** Shows one segment by `of`, and renders it anew only when the segment is another object. */
export class ForSegment extends Component<SegmentProps & { of: ComponentType<SegmentProps> }> {
  override shouldComponentUpdate(next: SegmentProps): boolean {
    return next.segment !== this.props.segment;
  }

  override render() {
    const { of: View, segment, show } = this.props;
    return <View segment={segment} show={show} />;
  }
}
