/** Drawings of 20 × 20 in the text's colour; what they mean stands beside them or in a label. */

import type { ComponentChildren } from "preact";

function Icon({ children }: { children: ComponentChildren }) {
  return (
    <svg
      class="icon"
      viewBox="0 0 20 20"
      width="20"
      height="20"
      fill="none"
      stroke="currentColor"
      stroke-width="1.6"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  );
}

export const MicrophoneIcon = () => (
  <Icon>
    <rect x="7" y="2.5" width="6" height="9.5" rx="3" />
    <path d="M4 9.5a6 6 0 0 0 12 0M10 15.5v2.5" />
  </Icon>
);

export const StopIcon = () => (
  <Icon>
    <rect x="5.5" y="5.5" width="9" height="9" rx="1.5" fill="currentColor" />
  </Icon>
);

export const PlayIcon = () => (
  <Icon>
    <path d="M6.5 4.5v11l9-5.5z" fill="currentColor" />
  </Icon>
);

export const PauseIcon = () => (
  <Icon>
    <path d="M7 4.5v11M13 4.5v11" stroke-width="3" />
  </Icon>
);

export const ScreenIcon = () => (
  <Icon>
    <rect x="2.5" y="3.5" width="15" height="10" rx="2" />
    <path d="M7 17h6M8.5 7v3M11.5 6v5" />
  </Icon>
);

export const FileIcon = () => (
  <Icon>
    <path d="M10 13V3.5M6.5 7 10 3.5 13.5 7M3.5 12.5v2.2a1.8 1.8 0 0 0 1.8 1.8h9.4a1.8 1.8 0 0 0 1.8-1.8v-2.2" />
  </Icon>
);

export const SettingsIcon = () => (
  <Icon>
    <path d="M3 6h7m4 0h3M3 14h3m4 0h7" />
    <circle cx="12" cy="6" r="2" />
    <circle cx="8" cy="14" r="2" />
  </Icon>
);

export const PersonIcon = () => (
  <Icon>
    <circle cx="10" cy="6.5" r="3.5" />
    <path d="M3.5 17a6.5 5.5 0 0 1 13 0" />
  </Icon>
);

export const CopyIcon = () => (
  <Icon>
    <rect x="7" y="7" width="9.5" height="9.5" rx="2" />
    <path d="M13 7V5.5a2 2 0 0 0-2-2H5.5a2 2 0 0 0-2 2V11a2 2 0 0 0 2 2H7" />
  </Icon>
);

export const RemoveIcon = () => (
  <Icon>
    <path d="M4 5.5h12M8 5.5V4h4v1.5M5.5 5.5l.7 10a1.2 1.2 0 0 0 1.2 1h5.2a1.2 1.2 0 0 0 1.2-1l.7-10" />
  </Icon>
);

export const MendIcon = () => (
  <Icon>
    <path d="m4 16 .8-3.4L13.6 3.8a1.6 1.6 0 0 1 2.3 0l.3.3a1.6 1.6 0 0 1 0 2.3L7.4 15.2zM12 5.5 14.5 8" />
  </Icon>
);

export const FindIcon = () => (
  <Icon>
    <circle cx="9" cy="9" r="5.5" />
    <path d="m13 13 4 4" />
  </Icon>
);

export const ListIcon = () => (
  <Icon>
    <path d="M7.5 5h9M7.5 10h9M7.5 15h9M3.5 5h.5M3.5 10h.5M3.5 15h.5" />
  </Icon>
);

export const CaptionsIcon = () => (
  <Icon>
    <rect x="2.5" y="4" width="15" height="12" rx="2.5" />
    <path d="M5.5 9.5h5m2.5 0h1.5M5.5 12.5h1.5m2.5 0h5" />
  </Icon>
);

export const DownIcon = () => (
  <Icon>
    <path d="M10 4v12M5 11l5 5 5-5" />
  </Icon>
);

export const CloseIcon = () => (
  <Icon>
    <path d="m5 5 10 10M15 5 5 15" />
  </Icon>
);

export const BackIcon = () => (
  <Icon>
    <path d="M12.5 4 6.5 10l6 6" />
  </Icon>
);

export const ForwardIcon = () => (
  <Icon>
    <path d="m7.5 4 6 6-6 6" />
  </Icon>
);

export const AgainIcon = () => (
  <Icon>
    <path d="M15.5 7.5A6.5 6.5 0 1 0 16.5 11M16 3.5v4.5h-4.5" />
  </Icon>
);

export const TranslateIcon = () => (
  <Icon>
    <rect x="2.5" y="4" width="6" height="12" rx="1.5" />
    <path d="M12 6h5.5M12 10h5.5M12 14h3.5" />
  </Icon>
);

export const FolderIcon = () => (
  <Icon>
    <path d="M2.5 6.2a1.7 1.7 0 0 1 1.7-1.7h3.3l2 2h6.3a1.7 1.7 0 0 1 1.7 1.7v5.6a1.7 1.7 0 0 1-1.7 1.7H4.2a1.7 1.7 0 0 1-1.7-1.7Z" />
  </Icon>
);

/** Sound that becomes quiet. */
export const Mark = () => (
  <svg class="mark" viewBox="0 0 30 24" width="30" height="24" aria-hidden="true">
    <g fill="currentColor">
      <rect x="0" y="8" width="3.4" height="8" rx="1.7" />
      <rect x="6.6" y="1" width="3.4" height="22" rx="1.7" />
      <rect x="13.2" y="5" width="3.4" height="14" rx="1.7" />
      <rect x="19.8" y="9" width="3.4" height="6" rx="1.7" opacity=".75" />
      <circle cx="28" cy="12" r="1.7" opacity=".5" />
    </g>
  </svg>
);
