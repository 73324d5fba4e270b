"""What all tests share."""

import sys

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
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if any(name in item.nodeid for name in PATIENT):
            item.add_marker(pytest.mark.slow)
        if any(name in item.nodeid for name in LONGER):
            item.add_marker(pytest.mark.long)
