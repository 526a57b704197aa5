#![allow(missing_docs, unsafe_code, clippy::all)]
use ser_kernels::*;
use std::time::Instant;
fn peak(isa: &str) -> f64 {
    use std::arch::x86_64::*;
    #[target_feature(enable="avx512f")] unsafe fn a(n:usize)->f32{ unsafe{
        let x=_mm512_set1_ps(0.999); let mut s=[_mm512_set1_ps(1.0);24];
        for _ in 0..n { for v in &mut s { *v=_mm512_fmadd_ps(*v,x,x);} }
        let mut t=s[0]; for v in s {t=_mm512_add_ps(t,v);} _mm512_reduce_add_ps(t) } }
    #[target_feature(enable="avx2,fma")] unsafe fn b(n:usize)->f32{ unsafe{
        let x=_mm256_set1_ps(0.999); let mut s=[_mm256_set1_ps(1.0);12];
        for _ in 0..n { for v in &mut s { *v=_mm256_fmadd_ps(*v,x,x);} }
        let mut t=s[0]; for v in s {t=_mm256_add_ps(t,v);} let mut o=[0f32;8]; _mm256_storeu_ps(o.as_mut_ptr(),t); o[0] } }
    let n=20000; let mut best=f64::MAX;
    for _ in 0..30 { let t=Instant::now(); let (r,m)= if isa=="avx512" {(unsafe{a(n)},24*16)} else {(unsafe{b(n)},12*8)}; std::hint::black_box(r); let e=t.elapsed().as_secs_f64()/(n*m) as f64; best=best.min(e);} 
    1.0/best/1e9
}
fn main(){
    let (steps,width,n)=(40,1,123);
    let mut s=1u32; let mut rnd=|k:usize,a:f32|->Vec<f32>{(0..k).map(|_|{s=s.wrapping_mul(1664525).wrapping_add(1013904223); ((s>>8) as f32/8388608.0-1.0)*a}).collect()};
    let (w,r,b)=(rnd(4*n*width,0.3),rnd(4*n*n,0.15),rnd(4*n,0.1));
    for isa in InstructionSet::available() {
        let pk = if isa.name()=="avx512"||isa.name()=="avx2" {peak(isa.name())} else {peak("avx2")};
        println!("{isa} peak {pk:.1} GMAC/s");
        let m=PackedLstm::new(LstmWeights{width,hidden:n,w:&w,r:&r,b:&b},isa).unwrap();
        for rows in [1,2,3,4,5,6,8,16,32,64] {
            let x=rnd(steps*rows*width,2.0);
            let mut h=vec![0.0;rows*n]; let mut c=h.clone(); let mut h2=h.clone(); let mut c2=h.clone();
            let inp=LstmInputs{x:&x,steps,rows,valid_steps:None,h0:None,c0:None};
            let mut sc=Scratch::new();
            m.run(&mut sc,inp,LstmOutputs{h:&mut h2,c:&mut c2,all:None}).unwrap();
            let mut best=f64::MAX; let mut all=vec![];
            for _ in 0..(4000/rows).max(100) { let t=Instant::now(); m.fast(&mut sc,inp,LstmOutputs{h:&mut h,c:&mut c,all:None}); let e=t.elapsed().as_secs_f64(); best=best.min(e); all.push(e);} 
            all.sort_by(f64::total_cmp);
            let d=h.iter().zip(&h2).map(|(a,b)|(a-b).abs()).fold(0.0,f32::max);
            println!("{isa} {rows:3} min {:.1} us median {:.1}  /row {:.1} share {:.2}  diff {d:.1e}",best*1e6,all[all.len()/2]*1e6,best*1e6/rows as f64, 2.44e6*rows as f64/best/1e9/pk);
        }
    }
}
