"""What all tests share."""

import sys

import jaxtyping
import pytest
import torch

sys.path.append(f"{sys.prefix}/peers")  # where scripts/setup puts torchattacks

torch.set_num_threads(1)  # two workers on two cores: more threads than cores make small tensors a hundred times slower

PATIENT = (  # what the unit tier has no time for, beside what is marked in its place
    "the_doctor_finds_nothing",
    "test_attacks.py::test_attack[cascade-",
    "test_attacks.py::test_attack[apgd-",
    "test_attacks.py::test_attack[square-",
    "test_attacks.py::test_attack[iterated_fgsm-",
    "test_attacks.py::test_attack[pgd-company",
    "test_attacks.py::test_attack[pgd-hears",
    "test_checks.py::test_a_fault_rings",
    "test_checks.py::test_a_check_that_is_disabled",
    "test_checks.py::test_too_few",
    "test_checks.py::test_a_model_that_raises",
    "test_checks.py::test_the_model_and_all_chance",
    "doctor/test_attacks.py::test_a_wrong_attack_is_named",
    "doctor/test_attacks.py::test_a_right_attack_is_left",
    "doctor/test_models.py",
    "verify/test_forgeries.py",
    "test_gradient_walks.py::test_a_variant_can_do",
    "oracles/test_penalised.py",
    "oracles/test_universal.py",
    "test_planted_faults.py::test_without_a_fault",
    "test_planted_faults.py::test_fault_is_caught[ignores_its",
    "mistakes/test_stopping.py",
    *(f"train/test_ranks.py::test_{name}" for name in ("both", "counts", "two", "a_mean", "batch_norm", "with_batch")),
    *(f"train/test_ranks.py::test_a_{name}" for name in ("process", "mistake", "restart", "hardening")),
    "mistakes/test_any_words.py",
    "test_damage.py::test_a_damaged_file_is_named",
    "fuzz/test_fuzz.py",
    "test_black_box.py::test_it_is_attacked",
    "test_black_box.py::test_scores_and",
    "test_black_box.py::test_a_run_of_it_verifies",
    "test_recipes.py::test_a_short_form",
    "trust/test_planted.py",
    "test_maps.py::test_memory_is_flat",
    "lessons/test_threat_model.py",
    "test_labs.py::test_a_lab_that_was_stopped",
    "docs/test_run.py",
    "docs/test_notebook.py::test_the_first_hour",
)


LONGER = (  # what `make test` has no time for
    "docs/test_run.py::test_a_page_with_what_takes_longer",
    "test_options.py::test_what_is_compiled",
    "test_maps.py::test_memory_is_flat[1000",
    "test_recipes.py::test_a_short_form_lies_in_its_band[vit_128",
    "test_recipes.py::test_a_short_form_lies_in_its_band[better_cnn_128",
    "test_same_answer.py::test_a_new_attack_is_one_new_file",
    "test_ray.py::test_a_cluster_that_is_not_there",
    *(
        f"test_recipes.py::test_a_short_form_lies_in_its_band[{name}"
        for name in ("cifar10_hard", "speed_cnn]", "speed_cnn_gpu", "resnet14")
    ),
    *(
        f"doctor/test_attacks.py::test_a_wrong_attack_is_named[{name}]"
        for name in (
            "clamps_normalised_images",
            "steps_by_the_mean_gradient",
            "forgets_the_ball_with_a_fixed_step",
            "halves_its_step_each_time",
            "rounds_to_eight_bit",
            "walks_on_the_sphere",
            "projects_each_channel_alone",
            "exponentiates_by_hand",
        )
    ),
    "doctor/test_models.py::test_a_wrong_model_is_named[k_winners",
    "doctor/test_models.py::test_an_untaught_model_of_this_house_is_left_in_peace[resnet14",
    *(
        f"test_attacks.py::test_attack[{name}"
        for name in (
            "cascade-returns_images_of_its_own",
            "cascade-stays_within_the_pixels",
            "cascade-hears",
            "fmn-breaks_linear_models_off",
            "apgd-other_draws",
            "square-company",
            "apgd-company",
        )
    ),
    "test_forgeries.py::test_it_is_named_with_the_model[a_patch_that",
    "test_forgeries.py::test_it_is_named_with_the_model[a steeper",
    "test_ray.py::test_the_command_starts",
    "test_black_box.py::test_a_run_of_it_verifies",
    "test_black_box.py::test_it_is_attacked_as_its_access_allows[labels",
    "test_checks.py::test_a_check_that_is_disabled",
    "test_checks.py::test_the_model_and_all_chance",
    "test_checks.py::test_an_honest_number_is_believed[plain_in",
    "test_checks.py::test_an_honest_number_is_believed[three",
    "test_checks.py::test_an_honest_number_is_believed[with",
    "test_checks.py::test_a_fault_rings[winners",
    "test_checks.py::test_a_model_that_raises",
    "test_stopping.py::test_the_interval_at_the_stop_holds_the_truth_as_often_as_it_says[0.02",
    "test_stopping.py::test_the_interval_at_the_stop_holds_the_truth_as_often_as_it_says[0.1",
    "test_stopping.py::test_the_interval_at_the_stop_holds_the_truth_as_often_as_it_says[0.8",
    *(
        f"test_attacks.py::test_attack[{name}-the_doctor_finds_nothing"
        for name in ("apgd", "cascade", "cw", "fmn", "hop_skip_jump", "penalised", "pgd", "square")
    ),
    "test_planted_faults.py::test_without_a_fault_the_planted_attack_keeps_the_contract[the_doctor_finds_nothing",
    *(
        f"test_attacks.py::test_attack[hop_skip_jump-{check}]"
        for check in (
            "the_scale_of_logits_does_not_matter",
            "breaks_linear_models_at_its_factor",
            "breaks_linear_models_off_the_box",
            "breaks_nothing_below_the_exact_radius",
            "reaches_any_target_at_its_factor",
            "reaches_two_class_targets_at_its_factor",
            "one_eps_for_all_breaks_those_within_it",
            "decides_in_float32",
            "finds_the_smallest_change",
            "returns_images_of_its_own",
            "stays_within_the_pixels",
            "black_and_white_pixels_move",
            "company_changes_nothing",
            "hears_each_of_its_settings",
            "the_same_draws_give_the_same_bits",
        )
    ),
    "test_attacks.py::test_attack[square-one_eps_for_all_breaks_those_within_it",
    "test_attacks.py::test_attack[square-reaches_any_target_at_its_factor",
    "test_attacks.py::test_attack[square-breaks_nothing_below_the_exact_radius",
    "test_stopping.py::test_killed_again_and_again_at_random",
    "test_attacks.py::test_attack[iterated_fgsm-the_doctor_finds_nothing",
    "test_penalised.py::test_away_from_a_label_of_a_linear",
    *(
        f"doctor/test_models.py::test_an_untaught_model_of_this_house_is_left_in_peace[{name}"
        for name in ("vit", "resnet18", "preact", "speed", "better")
    ),
    "test_black_box.py::test_an_attack_that_asks_for_more",
    "doctor/test_models.py::test_the_same_is_found_twice",
    "train/test_ranks.py::test_a_mistake_of",
    "train/test_ranks.py::test_a_restart_takes",
    "train/test_ranks.py::test_a_hardening_killed_in_an_epoch_goes_on_to_the_same_bits[no_checkpoint",
    # the dearest of their families, whose cheaper siblings ask the same
    "test_workings.py::test_every_method_of_kind_maps",
    "test_planted_faults.py::test_fault_is_caught[goes_downhill",
    "test_planted_faults.py::test_fault_is_caught[climbs_a_softmax_that_has_saturated",
    "test_planted_faults.py::test_without_a_fault_the_planted_attack_keeps_the_contract[company_changes_nothing",
    *(
        f"test_attacks.py::test_attack[{name}-hears_each_of_its_settings"
        for name in ("cw", "fmn", "penalised", "square")
    ),
    *(
        f"test_attacks.py::test_attack[{name}-{check}"
        for name in ("cw", "fmn", "penalised")
        for check in (
            "the_scale_of_logits_does_not_matter",
            "company_changes_nothing",
            "breaks_nothing_below_the_exact_radius",
            "takes_the_gradient_where_it_stands",
        )
    ),
    "test_attacks.py::test_attack[cw-finds_the_smallest_change",
    "test_attacks.py::test_attack[cw-breaks_linear_models_at_its_factor",
    "test_attacks.py::test_attack[square-breaks_linear_models_at_its_factor",
    *(
        f"test_attacks.py::test_attack[cascade-{check}"
        for check in ("company", "stays_within_its_b", "eps_zero", "breaks_n")
    ),
    "test_attacks.py::test_attack[deepfool-the_doctor_finds_nothing",
    *(
        f"test_checks.py::test_an_honest_number_is_believed[{name}"
        for name in ("linear", "gelu", "shifts", "plain_at", "hardened_and")
    ),
    *(
        f"test_checks.py::test_a_fault_rings[{name}"
        for name in ("rounds_to_16", "batch_norm", "nan_gradient", "no_way_back", "one_step", "dropout")
    ),
    "test_checks.py::test_evidence_is_finite",
    "test_checks.py::test_too_few_images_are_not_enough_evidence[7",
    *(
        f"doctor/test_attacks.py::test_a_wrong_attack_is_named[{name}]"
        for name in (
            "cannot_leave_black_and_white",
            "makes_a_weak_step",
            "keeps_its_leaf",
            "projects_a_little_too_far_inside",
            "steps_by_signs_in_l2",
            "forgets_zero_grad_in_small_steps",
            "spends_five_percent_more",
            "fears_negative_logits",
            "climbs_when_told_targeted",
        )
    ),
    *(
        f"doctor/test_attacks.py::test_a_right_attack_is_left_in_peace[{name}"
        for name in ("pgd_of_madry", "margin_pgd", "pgd_on_delta", "least_likely", "nesterov", "adam_on")
    ),
    *(
        f"doctor/test_models.py::test_a_wrong_model_is_named[{name}"
        for name in ("eight_bits", "classes_moved_on", "detached", "thresholds", "by_numpy")
    ),
    *(
        f"doctor/test_models.py::test_a_right_model_is_left_in_peace[{name}"
        for name in ("tanh", "batch_norm_and", "batch_norm_of", "of_colours")
    ),
    "doctor/test_models.py::test_an_untaught_model_of_this_house_is_left_in_peace[s",
    "test_class_image.py::test_what_it_pays_pulls_it_back",
    "test_maps.py::test_memory_is_flat[200-grad_cam",
    "test_maps.py::test_memory_is_flat[200-integrated",
    "test_stopping.py::test_the_interval_at_the_stop_holds_the_truth_as_often_as_it_says[0.3",
    "test_stopping.py::test_a_rule_that_looks_after_every_image",
    "test_gradient_walks.py::test_a_variant_can_do_what_the_attack_can[apgd(steps=20, loss='dlr'",
    "test_ray.py::test_a_node_is_killed",
    "train/test_ranks.py::test_a_hardening_killed_in_an_epoch",
    "test_recipes.py::test_a_short_form_lies_in_its_band[vit]",
    "test_recipes.py::test_a_short_form_lies_in_its_band[speed_cnn_gpu",
    "test_honest.py::test_every_kind_of_evaluation[random",
    "test_honest.py::test_every_kind_of_evaluation[guests by",
    "test_honest.py::test_every_kind_of_evaluation[every",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if any(name in item.nodeid for name in PATIENT):
            item.add_marker(pytest.mark.slow)
        if any(name in item.nodeid for name in LONGER):
            item.add_marker(pytest.mark.long)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Types and shapes are checked in the unit tier alone: it takes half the time of what climbs many steps.

    Of every attack tests/oracles asks the same calls with them.
    """
    climbs = item.get_closest_marker("slow") is not None or "contracts/test_attacks.py" in item.nodeid
    jaxtyping.config.update("jaxtyping_disable", climbs)
