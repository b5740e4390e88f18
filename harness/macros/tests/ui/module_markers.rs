mod misspelt {
    tribunal::markers!(e2ee, max_vram_gib(0), a::b, e2e, e2e);
}

mod empty {
    tribunal::markers!();
}

mod conflict {
    tribunal::markers!(cpu, hardware_test(cuda = "H100"));
}

mod variants {
    tribunal::markers!(hardware_test(cuda = "H100", rocm = "MI325", num_cards(cuda = 2, rocm = 8)));
}

fn main() {}
