"""Every sentence the add-on says, by topic (product.md 2.11); all of them are `sentences.NAME`.

Form: what happened, in an animator's words · why, if known · the one thing to do. Functions return failures of the
common tree, so that a sentence travels with its code; plain notes are functions that return text.
"""

# ruff: noqa: F401

from __future__ import annotations

from .arrival import (
    cancelled,
    character_deleted,
    character_unlinked,
    cycling_channels,
    file_closed,
    muted_channels,
    not_written,
    scale_keys_stay,
    scene_deleted,
    takes_ready,
    takes_ready_elsewhere,
    untouched_channels,
    waiting_for,
)
from .clean_up import (
    action_linked,
    action_shared,
    already_in_place,
    closed_channels,
    modified_curves,
    moves_by_strips,
    no_action,
    no_bar_picked,
    no_contacts,
    no_dense_keys,
    no_travel,
    nothing_in_range,
    one_keyed_frame,
    reduces_quaternions,
    retime_unsaid,
    scaled_bones,
    too_short_to_loop,
    too_short_to_retime,
    travel_does_not_fit,
)
from .cleaned import (
    contacts_found,
    feet_locked,
    keys_reduced,
    keys_restored,
    loop_made,
    made_in_place,
    mirrored,
    retimed,
    smoothed,
    travel_restored,
    unchanged,
)
from .direction import (
    direction_object_missing,
    direction_of_other_bones,
    direction_outside,
    facing_nothing,
    first_waypoint_too_fast,
    no_curve,
    path_not_keyed,
    path_too_fast,
    path_without_points,
    pin_backward,
    pins_overlap,
    stays_in_place,
    waypoint_backward,
    waypoint_too_fast,
    waypoints_passed,
)
from .engine import (
    blender_python_missing,
    built_in_remedy,
    engine_command_unreadable,
    engine_python_missing,
)
from .form import text_of
from .keys import (
    few_selected_keys,
    keyed_as_mine,
    keys_everywhere,
    keys_kept,
    selected_keys_close,
    selected_keys_generated,
    selected_keys_given_up,
    selected_keys_touch,
    selected_keys_untold,
    spacing_moved,
)
from .review import (
    dropped,
    into_linked_action,
    into_shared_action,
    kept,
    needs_two_takes,
    no_such_take,
    no_take_waiting,
    nothing_to_add_to,
    recipe_unreadable,
    stitched,
    take_lost,
    takes_wait,
)
from .setup import (
    character_linked,
    character_missing_bones,
    character_not_in_scene,
    character_rotation_mode,
    editing_character,
    empty_prompt,
    job_running,
    mode_not_object,
    nla_tweak_mode,
    no_character,
    no_strip_selected,
    no_strips,
    nothing_told,
    other_rig,
    range_too_short,
    rotation_applied,
    scale_applied,
    strip_ends_before_start,
    strip_gone,
    strip_outside_range,
    strips_off,
    time_stretched,
)
