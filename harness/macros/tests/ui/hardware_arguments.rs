#[tribunal::test]
#[hardware_test(cuda = "MI325", num_card = 2)]
fn device_of_another_platform() {}

#[tribunal::test]
#[hardware_test(cuda = ["H100", "L5"], num_cards = 5)]
fn device_in_a_list() {}

#[tribunal::test]
#[hardware_test(cuda = "H100", num_cards(cuda = 2, rocm = 8))]
fn count_of_an_absent_platform() {}

#[tribunal::test]
#[hardware_test(num_cards = 2)]
fn no_device() {}

#[tribunal::test]
#[hardware_test]
fn no_arguments() {}

fn main() {}
